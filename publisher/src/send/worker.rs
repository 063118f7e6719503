//! The thread that sends: one connection after the other, until it is stopped.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::clock::Clock;
use common::rtp::h264::{Packetizer, Packets};
use crossbeam_channel::{Receiver, Sender, never, select};

use super::link::{Link, Target};
use super::route::Route;
use super::socket::Input;
use super::{AccessUnit, Error, Event, Queued, Shared, socket};

/// The wait before the first new try.
const RETRY_FIRST: Duration = Duration::from_millis(200);
/// The longest wait between two tries.
const RETRY_LONGEST: Duration = Duration::from_secs(2);
/// How long a connection may wait for the first picture. Servers hang up on one that says nothing for ten seconds.
const FRESH: Duration = Duration::from_secs(5);
/// How long to wait for the first IDR picture before looking whether it was dropped.
const IDR_PATIENCE: Duration = Duration::from_millis(100);

pub(super) struct Worker {
    pub(super) target: Target,
    pub(super) first_sequence: u16,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) shared: Arc<Shared>,
    pub(super) queue: Receiver<Queued>,
    pub(super) events: Sender<Event>,
    /// Disconnected when it is time to stop.
    pub(super) stopped: Receiver<()>,
}

/// Why a connection is no more.
enum Ended {
    Stopped,
    Lost(Error),
}

/// What stays when connections come and go.
struct Stream {
    packetizer: Packetizer,
    packets: Packets,
    /// The access unit that the next connection is announced with.
    first: AccessUnit,
}

impl Worker {
    /// Sends until it is stopped. Only the first connection, begun as `stream`, may fail for good.
    pub(super) fn run(&self, stream: TcpStream) {
        let connected_at = self.clock.now().mono;
        self.shared.hold(stream.try_clone().ok());
        let Some(first) = self.next_idr() else { return };
        let mut outgoing = Stream {
            packetizer: Packetizer::new(rand::random(), self.first_sequence),
            packets: Packets::default(),
            first: first.unit.clone(),
        };
        let idle = self.clock.now().mono - connected_at;
        let stream = if idle < FRESH { Ok(stream) } else { socket::connect(&self.target.url) };
        let opened = stream.and_then(|stream| self.open(self.route(), stream, &outgoing));
        let (ended, route) = match opened {
            Ok((link, route)) => (self.serve(link, &mut outgoing, Some(first)), route),
            Err(error) => {
                tracing::debug!("{error}");
                // It is set nowhere else.
                let _ = self.shared.failure.set(error);
                return;
            }
        };
        self.reconnect(ended, route, &mut outgoing);
    }

    /// Makes the connection, which `route` led to, again whenever it is lost.
    fn reconnect(&self, mut ended: Ended, mut route: Route, outgoing: &mut Stream) {
        while let Ended::Lost(error) = ended {
            self.shared.connected.store(false, Ordering::Relaxed);
            self.shared.away.store(true, Ordering::Release);
            self.shared.reconnects.fetch_add(1, Ordering::Relaxed);
            let episode = self.shared.congestion().take();
            self.shared.tell_of(episode);
            tracing::warn!("{error}: trying again");
            let next = self.route_after(route, &error);
            // Nobody has to read the events.
            let _ = self.events.try_send(Event::Lost(error));
            let Some((link, found)) = self.retry(next, outgoing) else { break };
            route = found;
            ended = self.serve(link, outgoing, None);
        }
        self.shared.connected.store(false, Ordering::Relaxed);
        self.shared.hold(None);
    }

    /// Tries until there is a connection, first by `route`; `None` when it is time to stop.
    fn retry(&self, mut route: Route, outgoing: &Stream) -> Option<(Link, Route)> {
        let mut wait = RETRY_FIRST;
        loop {
            if self.stopped.recv_timeout(wait) == Err(crossbeam_channel::RecvTimeoutError::Disconnected) {
                return None;
            }
            wait = (wait * 2).min(RETRY_LONGEST);
            match socket::connect(route.url()).and_then(|stream| self.open(route, stream, outgoing)) {
                Ok(found) => return Some(found),
                Err(error) => tracing::info!("{error}: trying again in {} s", wait.as_secs_f32()),
            }
            route = self.route();
        }
    }

    fn route(&self) -> Route {
        Route::new(self.target.url.clone())
    }

    /// Where to try next: a server may send its publishers elsewhere in the middle of a stream.
    fn route_after(&self, mut route: Route, error: &Error) -> Route {
        match route.follow(error) {
            Some(Ok(())) => route,
            _ => self.route(),
        }
    }

    /// Publishes to where `route` leads, whose beginning `stream` is connected to.
    fn open(&self, mut route: Route, mut stream: TcpStream, outgoing: &Stream) -> Result<(Link, Route), Error> {
        loop {
            self.shared.hold(stream.try_clone().ok());
            let (clock, ssrc) = (Arc::clone(&self.clock), outgoing.packetizer.ssrc());
            let error = match Link::open(&self.target, route.url(), stream, &outgoing.first, ssrc, clock) {
                Ok(link) => {
                    tracing::info!("publishing to {}", route.url());
                    self.shared.connected.store(true, Ordering::Relaxed);
                    let _ = self.events.try_send(Event::Connected);
                    return Ok((link, route));
                }
                Err(error) => error,
            };
            match route.follow(&error) {
                Some(followed) => followed?,
                None => return Err(error),
            }
            if self.shared.is_cut.load(Ordering::Relaxed) {
                return Err(error);
            }
            stream = socket::connect(route.url())?;
        }
    }

    /// Sends what comes through the queue, after `first`. Without `first` what waits in the queue is from before the
    /// connection, and a new IDR picture is asked for.
    fn serve(&self, mut link: Link, outgoing: &mut Stream, first: Option<Queued>) -> Ended {
        let mut started = first.is_some();
        let result = match first {
            Some(first) => self.send(&mut link, outgoing, &first),
            None => {
                self.shared.count_dropped(self.queue.try_iter().count() as u64);
                self.shared.await_idr();
                self.shared.away.store(false, Ordering::Release);
                Ok(())
            }
        };
        if let Err(error) = result {
            return Ended::Lost(error);
        }
        let nothing = never();
        let mut stopping = false;
        while !(stopping && self.queue.is_empty()) {
            let result = select! {
                recv(self.queue) -> queued => match queued {
                    Ok(queued) if started || queued.unit.idr => {
                        started = true;
                        self.send(&mut link, outgoing, &queued)
                    }
                    _ => {
                        self.shared.count_dropped(1);
                        Ok(())
                    }
                },
                recv(link.input()) -> input => link.handle(input.unwrap_or(Input::Ended(None))),
                recv(if stopping { &nothing } else { &self.stopped }) -> _ => {
                    stopping = true;
                    Ok(())
                }
                default(self.idle(&link)) => link.service(),
            };
            self.ask_for_idr(&mut link);
            if let Err(error) = result {
                return Ended::Lost(error);
            }
        }
        link.close();
        Ended::Stopped
    }

    /// How long nothing has to be done.
    fn idle(&self, link: &Link) -> Duration {
        let ask = self.shared.congestion().ask_in(self.clock.now().mono);
        ask.map_or(link.idle(), |ask| ask.min(link.idle()))
    }

    /// Asks for an IDR picture where a reader needs one, or where frames were dropped and everything is written now.
    fn ask_for_idr(&self, link: &mut Link) {
        // Where one is awaited already it serves the reader too.
        if link.take_idr_request() && !self.shared.awaiting_idr.load(Ordering::Acquire) {
            self.shared.idr_wanted.store(true, Ordering::Release);
        }
        self.ask_after_drop();
    }

    fn ask_after_drop(&self) {
        let now = self.clock.now().mono;
        if self.queue.is_empty() && self.shared.congestion().ask(now) {
            self.shared.idr_wanted.store(true, Ordering::Release);
        }
        let over = self.shared.congestion().take_over(now);
        self.shared.tell_of(over);
    }

    fn send(&self, link: &mut Link, outgoing: &mut Stream, queued: &Queued) -> Result<(), Error> {
        if queued.unit.idr {
            outgoing.first.clone_from(&queued.unit);
        }
        let shared = &self.shared;
        let whole = link.send(&queued.unit, &mut outgoing.packetizer, &mut outgoing.packets)?;
        let now = self.clock.now().mono;
        if !whole {
            shared.awaiting_idr.store(true, Ordering::Release);
            shared.dropped_by_network(now, 1, true);
            return Ok(());
        }
        let took = now - queued.at.mono;
        shared.frames.fetch_add(1, Ordering::Relaxed);
        shared.packets.fetch_add(outgoing.packets.len() as u64, Ordering::Relaxed);
        shared.bytes.fetch_add(outgoing.packets.bytes() as u64, Ordering::Relaxed);
        shared.last_send_us.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(())
    }

    /// Waits for the first IDR picture; `None` when it is time to stop.
    fn next_idr(&self) -> Option<Queued> {
        loop {
            select! {
                recv(self.queue) -> queued => match queued {
                    Ok(queued) if queued.unit.idr => return Some(queued),
                    Ok(_) => self.shared.count_dropped(1),
                    Err(_) => return None,
                },
                default(IDR_PATIENCE) => self.ask_after_drop(),
                // A stream may be so short that it has ended already.
                recv(self.stopped) -> _ => return self.queue.try_iter().find(|queued| queued.unit.idr),
            }
        }
    }
}
