//! Compares this host's clock with another one that receivers can ask too, so that they can tell how far ours is from theirs.
//!
//! A thread with a UDP socket of its own; when to ask, and what to believe, is [`common::sync::Prober`]'s.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::clock::Clock;
use common::sei::Reference;
use common::sync::{Endpoint, Prober, Protocol, View};
use common::time::Now;

use crate::config::{ClockChoice, Config, Destination};
use crate::error::Error;
use crate::event::Log;

/// Longest wait before the wish to end is looked after.
const TICK: Duration = Duration::from_millis(100);
/// A clock that has not answered by then is told of.
const SILENCE: Duration = Duration::from_secs(5);
/// From one attempt to find the address of a host to the next.
const RESOLVE_EVERY: Duration = Duration::from_secs(5);
/// Longest answer that is looked at.
const DATAGRAM_MAX: usize = 1_024;
/// An SEI holds no larger offset, µs: 4.7 hours.
const MAX_OFFSET_US: i64 = 1 << 34;

/// Starts comparing clocks where receivers cannot compare theirs with this host's directly: where the server is elsewhere, or
/// the user names a clock.
///
/// # Errors
/// [`Error::Clock`] where the system cannot start a thread.
pub(crate) fn compare(config: &Config, clock: &Arc<dyn Clock>, log: Log) -> Result<Option<Comparison>, Error> {
    let (endpoint, asked_for) = match (&config.clock, &config.destination) {
        (ClockChoice::Off, _) => return Ok(None),
        (ClockChoice::Ask(endpoint), _) => (endpoint.clone(), true),
        (ClockChoice::Auto, Destination::Rtsp(url)) if !url.is_loopback() => {
            (Endpoint::framelag(&url.host_in_zone(), url.port()), false)
        }
        (ClockChoice::Auto, _) => return Ok(None),
    };
    Comparison::start(endpoint, Arc::clone(clock), log, asked_for).map(Some).map_err(Error::Clock)
}

/// A comparison that goes on until it is dropped.
pub(crate) struct Comparison {
    endpoint: Endpoint,
    clock: Arc<dyn Clock>,
    view: Arc<Mutex<View>>,
    ended: Arc<AtomicBool>,
}

impl Comparison {
    /// Begins to ask `endpoint`. That it does not answer is a warning where it was `asked_for`.
    ///
    /// # Errors
    /// Where the system gives no thread.
    fn start(endpoint: Endpoint, clock: Arc<dyn Clock>, log: Log, asked_for: bool) -> io::Result<Self> {
        let (view, ended) = (Arc::default(), Arc::default());
        let asking = Asking {
            endpoint: endpoint.clone(),
            view: Arc::clone(&view),
            ended: Arc::clone(&ended),
            clock: Arc::clone(&clock),
            log,
            asked_for,
            warned: false,
        };
        thread::Builder::new().name("clock".to_owned()).spawn(move || asking.run())?;
        Ok(Self { endpoint, clock, view, ended })
    }

    /// The other clock against the publisher's, whose both times are `now`; `None` as long as it is not known, or is
    /// further away than an SEI can say.
    pub(crate) fn reference(&self, now: Now) -> Option<Reference> {
        let view = *self.view.lock().expect("no thread panics while it holds the view");
        reference(&self.endpoint, &view.awake(self.clock.slept()), now)
    }
}

impl Drop for Comparison {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

fn reference(endpoint: &Endpoint, view: &View, now: Now) -> Option<Reference> {
    let id = match endpoint.protocol {
        Protocol::Framelag => view.host.filter(|host| *host != 0)?,
        Protocol::Ntp => endpoint.id(),
    };
    let found = view.fix?.estimate(now, now.mono)?;
    let offset_us = -found.offset_us;
    let bound_us = u32::try_from(found.bound_us).ok()?;
    (offset_us.abs() < MAX_OFFSET_US).then_some(Reference { id, offset_us, bound_us })
}

/// The thread.
struct Asking {
    endpoint: Endpoint,
    view: Arc<Mutex<View>>,
    ended: Arc<AtomicBool>,
    clock: Arc<dyn Clock>,
    log: Log,
    asked_for: bool,
    warned: bool,
}

impl Asking {
    fn run(mut self) {
        while !self.has_ended() {
            let outcome = self.prober().and_then(|prober| self.ask(prober));
            if let Err(why) = outcome {
                self.warn_once(&format!("{}: {why}", self.endpoint));
            }
            for _ in 0..RESOLVE_EVERY.as_millis() / TICK.as_millis() {
                if !self.has_ended() {
                    thread::sleep(TICK);
                }
            }
        }
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    fn prober(&self) -> io::Result<Prober> {
        let Endpoint { protocol, host, port } = &self.endpoint;
        let addresses: Vec<_> = (host.as_str(), *port).to_socket_addrs()?.collect();
        let first = *addresses.first().ok_or_else(|| io::Error::other("the host has no address"))?;
        // A host without IPv6, say, gives no socket for it.
        let mut usable = addresses.into_iter().filter(|address| open(*address).is_ok());
        let target = usable.next().map_or_else(|| open(first).map(|_| first), Ok)?;
        Ok(Prober::new(*protocol, target, rand::random()).or(usable))
    }

    /// Asks until the end, or until there is no socket.
    fn ask(&mut self, mut prober: Prober) -> io::Result<()> {
        let since = self.clock.now().mono;
        let (mut target, mut socket) = (prober.target(), open(prober.target())?);
        let mut buffer = [0; DATAGRAM_MAX];
        while !self.has_ended() {
            if let Some(request) = prober.poll_transmit(self.clock.now().mono) {
                if prober.target() != target {
                    target = prober.target();
                    socket = open(target)?;
                }
                // A network that is away now may come back.
                let _ = socket.send_to(&request, target);
            }
            let due = prober.poll_timeout().map_or(TICK, |due| due - self.clock.now().mono);
            // The system takes no wait of zero.
            socket.set_read_timeout(Some(due.clamp(Duration::from_millis(1), TICK)))?;
            let received = socket.recv_from(&mut buffer);
            let now = self.clock.now().mono;
            prober.handle_slept(now, self.clock.slept());
            if let Ok((length, from)) = received {
                prober.handle_datagram(now, from, &buffer[..length]);
            }
            let view = prober.view();
            *self.view.lock().expect("no thread panics while it holds the view") = view;
            self.check(&view, now - since);
        }
        Ok(())
    }

    /// Warns where there is no usable answer, or none that an SEI message can hold.
    fn check(&mut self, view: &View, elapsed: Duration) {
        if view.counts.answered == 0 && elapsed >= SILENCE {
            let wrong = match view.counts.refused() {
                0 => "does not answer".to_owned(),
                _ => format!("gives no usable answer ({})", view.counts.reasons()),
            };
            self.warn_once(&format!("{} {wrong}", self.endpoint));
        }
        let now = self.clock.now();
        let offset = view.fix.and_then(|fix| fix.estimate(now, now.mono)).map_or(0, |found| found.offset_us);
        if offset.abs() >= MAX_OFFSET_US {
            let hours = offset as f64 / 3.6e9;
            self.warn_once(&format!("this host's clock is {hours:+.1} hours from that of {}: set it", self.endpoint));
        }
    }

    fn warn_once(&mut self, what: &str) {
        if std::mem::replace(&mut self.warned, true) || self.has_ended() {
            return;
        }
        let message = format!(
            "{what}; receivers on other hosts cannot compare their clocks with this one's (let UDP through, or give \
             publisher and receiver the same --clock ntp://HOST)"
        );
        if self.asked_for {
            self.log.warn("clock", &message);
        } else {
            self.log.note("clock", &message);
        }
    }
}

fn open(target: SocketAddr) -> io::Result<UdpSocket> {
    match target {
        SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)),
    }
}

#[cfg(test)]
mod tests {
    use common::clock::ManualClock;
    use common::sync::{Responder, wire};
    use common::time::WallTime;

    use super::*;

    /// What is known of a clock that is `ahead` µs ahead of ours, and when.
    fn known(ahead: i64, host: u32) -> (View, Now) {
        let clock = ManualClock::new(WallTime::from_micros(1_763_722_800_000_000));
        let target = SocketAddr::from(([192, 0, 2, 1], 8554));
        let mut prober = Prober::new(Protocol::Framelag, target, 1);
        let request = prober.poll_transmit(clock.now().mono).expect("one is due");
        let nonce = wire::parse_request(&request).expect("it is one");
        clock.advance(Duration::from_millis(1));
        let there = clock.now().wall.offset(ahead);
        let answer = Responder::new(host).answer(nonce, there, there);
        clock.advance(Duration::from_millis(1));
        prober.handle_datagram(clock.now().mono, target, &answer);
        (prober.view(), clock.now())
    }

    #[test]
    fn the_reference_names_the_other_clock_and_how_far_ahead_it_is() {
        let endpoint = Endpoint::framelag("192.0.2.1", 8554);
        let (view, now) = known(5_000_000, 9);
        let reference = reference(&endpoint, &view, now).expect("it is known");
        assert_eq!(reference.id, 9);
        assert!((reference.offset_us - 5_000_000).abs() <= i64::from(reference.bound_us), "{reference:?}");
        assert!((1_000..1_010).contains(&reference.bound_us), "{reference:?}");
    }

    #[test]
    fn what_cannot_be_said_is_not_said() {
        let endpoint = Endpoint::framelag("192.0.2.1", 8554);
        let (nameless, now) = known(0, 0);
        assert_eq!(reference(&endpoint, &nameless, now), None, "a host that does not know its name");
        let (far, now) = known(-56 * 365 * 86_400_000_000, 9);
        assert_eq!(reference(&endpoint, &far, now), None, "an SEI would cut it");
        assert_eq!(reference(&endpoint, &View::default(), now), None);
    }
}
