//! Probes another clock, on a thread with a UDP socket of its own. When to ask, and what to believe, is
//! [`common::sync::Prober`]'s; what it means for a picture is [`crate::offset`]'s.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::clock::{Clock, SystemClock};
use common::sync::{Endpoint, Prober, View};

use crate::stop::Stop;

/// Longest wait before `stop` is looked at.
const TICK: Duration = Duration::from_millis(100);
/// From one attempt to find the address of a host to the next.
const RESOLVE_EVERY: Duration = Duration::from_secs(5);
/// Longest answer that is looked at.
const DATAGRAM_MAX: usize = 1_024;

/// The client of another clock.
#[derive(Clone, Debug)]
pub(crate) struct ClockClient {
    endpoint: Endpoint,
    clock: SystemClock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    view: View,
    /// Why it cannot be asked.
    fault: Option<String>,
}

impl ClockClient {
    /// Probes `endpoint` until `stop`.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(crate) fn start(endpoint: Endpoint, clock: SystemClock, stop: Stop) -> io::Result<Self> {
        let client = Self { endpoint, clock, state: Arc::default() };
        let here = client.clone();
        thread::Builder::new().name("clock".to_owned()).spawn(move || here.run(&stop))?;
        Ok(client)
    }

    /// The clock.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What is known of it, on a host that may have been suspended a moment ago.
    pub(crate) fn view(&self) -> View {
        let view = self.lock().view;
        view.awake(self.clock.slept())
    }

    /// Why it cannot be asked: its host has no address, or there is no socket.
    pub(crate) fn fault(&self) -> Option<String> {
        self.lock().fault.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the state")
    }

    fn run(&self, stop: &Stop) {
        while !stop.is_requested() {
            let outcome = self.prober().and_then(|prober| self.probe(prober, stop));
            self.lock().fault = outcome.err().map(|error| error.to_string());
            for _ in 0..RESOLVE_EVERY.as_millis() / TICK.as_millis() {
                if !stop.is_requested() {
                    thread::sleep(TICK);
                }
            }
        }
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

    /// Probes until `stop`, or until there is no socket.
    fn probe(&self, mut prober: Prober, stop: &Stop) -> io::Result<()> {
        let clock = &self.clock;
        let (mut target, mut socket) = (prober.target(), open(prober.target())?);
        self.lock().fault = None;
        let mut buffer = [0; DATAGRAM_MAX];
        while !stop.is_requested() {
            if let Some(request) = prober.poll_transmit(clock.now().mono) {
                if prober.target() != target {
                    target = prober.target();
                    socket = open(target)?;
                }
                // A network that is away now may come back.
                let _ = socket.send_to(&request, target);
            }
            let due = prober.poll_timeout().map_or(TICK, |due| due - clock.now().mono);
            // The system takes no wait of zero.
            socket.set_read_timeout(Some(due.clamp(Duration::from_millis(1), TICK)))?;
            let received = socket.recv_from(&mut buffer);
            let now = clock.now().mono;
            prober.handle_slept(now, clock.slept());
            if let Ok((length, from)) = received {
                prober.handle_datagram(now, from, &buffer[..length]);
            }
            self.lock().view = prober.view();
        }
        Ok(())
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
    use common::sync::{Responder, wire};

    use super::*;

    /// So long something takes at most that is bound to happen.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn a_clock_on_loopback_is_found_and_nonsense_is_not_believed() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        server.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let (clock, stop) = (SystemClock::new(), Stop::new());
        let port = server.local_addr().expect("bound").port();
        let client =
            ClockClient::start(Endpoint::framelag("127.0.0.1", port), clock.clone(), stop.clone()).expect("a thread");
        let mut request = [0; wire::LEN];
        let mut answered = 0;
        while client.view().counts.answered < 3 {
            let (length, from) = server.recv_from(&mut request).expect("it asks");
            let nonce = wire::parse_request(&request[..length]).expect("a request");
            let now = clock.now().wall;
            let mut answer = Responder::new(5).answer(nonce, now, now);
            if answered % 2 == 0 {
                // Another nonce.
                answer[8] ^= 1;
            }
            answered += 1;
            server.send_to(&answer, from).expect("sent");
        }
        stop.request();
        let (view, now) = (client.view(), clock.now());
        let found = view.fix.expect("it is known").estimate(now, now.mono).expect("it is new");
        assert!(found.offset_us.abs() <= found.bound_us, "one clock: {found:?}");
        assert!(view.counts.refused() >= 1 && view.host == Some(5), "{view:?}");
    }

    #[test]
    fn a_host_without_an_address_is_told() {
        let (clock, stop) = (SystemClock::new(), Stop::new());
        let client =
            ClockClient::start(Endpoint::framelag("no-such-host.invalid", 1), clock, stop.clone()).expect("a thread");
        let begun = std::time::Instant::now();
        while client.fault().is_none() {
            assert!(begun.elapsed() < PATIENCE, "the name is still being looked up");
            thread::sleep(Duration::from_millis(5));
        }
        stop.request();
        assert_eq!(client.view().fix, None);
    }
}
