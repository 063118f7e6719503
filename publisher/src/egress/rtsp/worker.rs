//! The thread that sends: one connection after the other, until it is stopped.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use common::backoff::Backoff;
use common::clock::Clock;
use common::media::{EncodedFrame, IdrGate};
use common::rtp::Packets;
use common::rtp::h264::Packetizer;
use crossbeam_channel::{Receiver, Sender, never, select};

use super::link::{Link, Target};
use super::route::Route;
use super::shared::{Event, Queued, Shared};
use super::socket::Input;
use super::{Error, socket};

/// A connection that has been idle for longer before the first picture is made anew: servers close one that is silent for ten
/// seconds.
const IDLE_MAX: Duration = Duration::from_secs(5);
/// How often to check, before the first IDR picture, whether it was dropped.
const KEY_POLL_INTERVAL: Duration = Duration::from_millis(100);

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

/// What outlives a connection.
struct Stream {
    packetizer: Packetizer,
    packets: Packets,
    /// The newest IDR picture, whose parameter sets the next connection is announced with.
    first: EncodedFrame,
}

impl Worker {
    /// Sends until it is stopped. Only the first connection, begun as `stream`, may fail for good.
    pub(super) fn run(&self, stream: TcpStream) {
        let connected_at = self.clock.now().mono;
        self.shared.set_stream(stream.try_clone().ok());
        let Some(first) = self.first_key() else { return };
        let mut outgoing = Stream {
            packetizer: Packetizer::new(rand::random(), self.first_sequence),
            packets: Packets::default(),
            first: first.sealed.frame.clone(),
        };
        let idle = self.clock.now().mono - connected_at;
        let stream = if idle < IDLE_MAX { Ok(stream) } else { socket::connect(&self.target.url) };
        let opened = stream.and_then(|stream| self.open(self.route(), stream, &outgoing));
        let (ended, route) = match opened {
            Ok((link, route)) => (self.serve(link, &mut outgoing, Some(first)), route),
            Err(error) => {
                tracing::debug!("{error}");
                self.shared.fail(error);
                return;
            }
        };
        self.reconnect(ended, route, &mut outgoing);
    }

    /// Makes the connection again whenever it is lost; `route` is where it led.
    fn reconnect(&self, mut ended: Ended, mut route: Route, outgoing: &mut Stream) {
        while let Ended::Lost(error) = ended {
            self.shared.set_away();
            tracing::warn!("{error}: reconnecting");
            let next = self.route_after(route, &error);
            // Nobody has to read the events.
            let _ = self.events.try_send(Event::Lost(error));
            let Some((link, found)) = self.retry(next, outgoing) else { break };
            route = found;
            ended = self.serve(link, outgoing, None);
        }
        self.shared.set_disconnected();
        self.shared.set_stream(None);
    }

    /// Tries until there is a connection, first by `route`; `None` when it is time to stop.
    fn retry(&self, mut route: Route, outgoing: &Stream) -> Option<(Link, Route)> {
        let mut backoff = Backoff::reconnect();
        loop {
            if self.stopped.recv_timeout(backoff.advance()) == Err(crossbeam_channel::RecvTimeoutError::Disconnected) {
                return None;
            }
            match socket::connect(route.url()).and_then(|stream| self.open(route, stream, outgoing)) {
                Ok(found) => return Some(found),
                Err(error) => tracing::info!("{error}: trying again in {} s", backoff.peek().as_secs_f32()),
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
            self.shared.set_stream(stream.try_clone().ok());
            let (clock, ssrc) = (Arc::clone(&self.clock), outgoing.packetizer.ssrc());
            let error = match Link::open(&self.target, route.url(), stream, &outgoing.first, ssrc, clock) {
                Ok(link) => {
                    tracing::info!("publishing to {}", route.url());
                    self.shared.set_connected();
                    let _ = self.events.try_send(Event::Connected);
                    return Ok((link, route));
                }
                Err(error) => error,
            };
            match route.follow(&error) {
                Some(followed) => followed?,
                None => return Err(error),
            }
            if self.shared.is_cut() {
                return Err(error);
            }
            stream = socket::connect(route.url())?;
        }
    }

    /// Sends what comes through the queue, after `first`. Without `first`, what is in the queue is from before the connection:
    /// it is dropped, and a new IDR picture asked for.
    fn serve(&self, mut link: Link, outgoing: &mut Stream, first: Option<Queued>) -> Ended {
        let mut gate = if first.is_some() { IdrGate::open() } else { IdrGate::closed() };
        let result = match first {
            Some(first) => self.send(&mut link, outgoing, &first),
            None => {
                self.shared.count_dropped(self.queue.try_iter().count() as u64);
                self.shared.resume();
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
                    Ok(queued) if gate.admits(queued.is_key()) => self.send(&mut link, outgoing, &queued),
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
            self.request_key(&mut link);
            if let Err(error) = result {
                return Ended::Lost(error);
            }
        }
        link.close();
        Ended::Stopped
    }

    /// How long until something is due.
    fn idle(&self, link: &Link) -> Duration {
        let ask = self.shared.congestion().ask_in(self.clock.now().mono);
        ask.map_or(link.idle(), |ask| ask.min(link.idle()))
    }

    /// Asks for an IDR picture where a reader needs one, or where frames were dropped and everything is written now.
    fn request_key(&self, link: &mut Link) {
        // Where one is awaited already it serves the reader too.
        if link.take_key_request() && !self.shared.congestion().awaits_key() {
            self.shared.request_key();
        }
        self.request_key_after_drop();
    }

    fn request_key_after_drop(&self) {
        let now = self.clock.now().mono;
        if self.queue.is_empty() && self.shared.congestion().take_ask(now) {
            self.shared.request_key();
        }
        let ended = self.shared.congestion().take_ended(now);
        self.shared.log_episode(ended);
    }

    fn send(&self, link: &mut Link, outgoing: &mut Stream, queued: &Queued) -> Result<(), Error> {
        if queued.is_key() {
            outgoing.first.clone_from(&queued.sealed.frame);
        }
        let whole = link.send(&queued.sealed, &mut outgoing.packetizer, &mut outgoing.packets)?;
        let now = self.clock.now().mono;
        if whole {
            self.shared.count_sent(&outgoing.packets, now - queued.at.mono);
        } else {
            self.shared.count_congested(now, 1, true);
        }
        Ok(())
    }

    /// Waits for the first IDR picture; `None` when it is time to stop.
    fn first_key(&self) -> Option<Queued> {
        loop {
            select! {
                recv(self.queue) -> queued => match queued {
                    Ok(queued) if queued.is_key() => return Some(queued),
                    Ok(_) => self.shared.count_dropped(1),
                    Err(_) => return None,
                },
                default(KEY_POLL_INTERVAL) => self.request_key_after_drop(),
                // A stream may be so short that it has ended already.
                recv(self.stopped) -> _ => return self.queue.try_iter().find(Queued::is_key),
            }
        }
    }
}
