//! Asks another host's clock, on a thread with a UDP socket of its own. When to ask, and what to believe, is
//! [`Prober`]'s.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use super::Stop;
use crate::clock::Clock;
use crate::sync::{Endpoint, Prober, View};

/// How often a request to stop is looked for.
const TICK: Duration = Duration::from_millis(100);
/// Time between two attempts to resolve a host.
const RETRY: Duration = Duration::from_secs(5);
/// Longest answer, in bytes.
const DATAGRAM_MAX: usize = 1_024;

/// A clock that is being asked. Clones share what is known of it.
#[derive(Clone)]
pub struct ClockClient {
    endpoint: Endpoint,
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    view: View,
    fault: Option<String>,
}

impl fmt::Debug for ClockClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClockClient").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl ClockClient {
    /// Asks `endpoint` until `stop`.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub fn start(endpoint: Endpoint, clock: Arc<dyn Clock>, stop: Stop) -> io::Result<Self> {
        let client = Self { endpoint, clock, state: Arc::default() };
        let here = client.clone();
        thread::Builder::new().name("clock".to_owned()).spawn(move || here.run(&stop))?;
        Ok(client)
    }

    /// The clock that is asked.
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What is known of it, on a host that may have been suspended a moment ago.
    pub fn view(&self) -> View {
        let view = self.lock().view;
        view.awake(self.clock.slept())
    }

    /// Why it cannot be asked: its host has no address, or there is no socket.
    pub fn fault(&self) -> Option<String> {
        self.lock().fault.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the state")
    }

    fn run(&self, stop: &Stop) {
        while !stop.is_requested() {
            let outcome = self.prober().and_then(|prober| self.probe(prober, stop));
            self.lock().fault = outcome.err().map(|error| error.to_string());
            stop.sleep(RETRY);
        }
    }

    fn prober(&self) -> io::Result<Prober> {
        let Endpoint { protocol, host, port } = &self.endpoint;
        let addresses: Vec<_> = (host.as_str(), *port).to_socket_addrs()?.collect();
        let first = *addresses.first().ok_or_else(|| io::Error::other("the host has no address"))?;
        // A host without IPv6 has no socket for such an address.
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
            // Zero would block forever.
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
    use super::*;
    use crate::host::SystemClock;
    use crate::sync::{Responder, wire};

    /// So long something takes at most that is bound to happen.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn a_clock_on_loopback_is_found_and_nonsense_is_not_believed() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        server.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let (clock, stop) = (Arc::new(SystemClock::new()), Stop::new());
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
        let (clock, stop) = (Arc::new(SystemClock::new()), Stop::new());
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
