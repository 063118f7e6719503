//! Datagrams through the proxy: one thread for all clients of a socket, both ways.
//!
//! Whatever is due is sent between any two reads, so that a busy socket does not delay another one's datagrams.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, PipeReader};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use common::time::MonoTime;

use super::shared::{IDLE_LIMIT, ImpairedLink, Shared};
use super::{Direction, wait};

/// The longest datagram.
const MAX_DATAGRAM: usize = 65_535;

/// Most datagrams read from one socket before the next one's turn.
const MAX_READS: usize = 64;

/// How often idle clients are looked for.
const IDLE_POLL: Duration = Duration::from_secs(1);

/// Forwards the datagrams of every client to one server, and the answers back.
pub(super) struct Forwarder {
    socket: Arc<UdpSocket>,
    to: SocketAddr,
    clients: BTreeMap<SocketAddr, Client>,
    /// When each link that holds datagrams has to deliver the next one.
    due: BTreeSet<(MonoTime, SocketAddr, Direction)>,
    /// Clients have come or gone since the poll set was made.
    has_changed: bool,
    /// Only the clients that were given are served, and never forgotten.
    fixed: bool,
}

struct Client {
    server: Arc<UdpSocket>,
    forward: ImpairedLink,
    back: ImpairedLink,
    /// When something came from either side.
    active: MonoTime,
}

impl Client {
    fn new(server: UdpSocket, number: u64, shared: &Shared) -> Self {
        let link = |direction| ImpairedLink::new(shared, direction, number);
        let (forward, back) = (link(Direction::Forward), link(Direction::Back));
        Self { server: Arc::new(server), forward, back, active: shared.now() }
    }

    fn link(&mut self, direction: Direction) -> &mut ImpairedLink {
        match direction {
            Direction::Forward => &mut self.forward,
            Direction::Back => &mut self.back,
        }
    }
}

impl Forwarder {
    /// For anyone who sends to `socket`.
    pub(super) fn open(socket: UdpSocket, to: SocketAddr) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let socket = Arc::new(socket);
        Ok(Self { socket, to, clients: BTreeMap::new(), due: BTreeSet::new(), has_changed: false, fixed: false })
    }

    /// For the one client that `socket` is connected to, and the server that `server` is connected to.
    pub(super) fn between(socket: UdpSocket, server: UdpSocket, number: u64, shared: &Shared) -> io::Result<Self> {
        let (client, to) = (socket.peer_addr()?, server.peer_addr()?);
        server.set_nonblocking(true)?;
        let clients = [(client, Client::new(server, number, shared))].into();
        Ok(Self { clients, fixed: true, ..Self::open(socket, to)? })
    }

    /// Forwards until `stopped` closes.
    pub(super) fn run(mut self, shared: &Shared, stopped: &PipeReader) {
        wait::reduce_timer_slack();
        if let Err(error) = self.forward(shared, stopped) {
            tracing::error!("the proxy stopped forwarding datagrams: {error}");
        }
    }

    fn forward(&mut self, shared: &Shared, stopped: &PipeReader) -> io::Result<()> {
        let mut buffer = vec![0; MAX_DATAGRAM];
        let listener = Arc::clone(&self.socket);
        let mut next_look = shared.now() + IDLE_POLL;
        loop {
            let servers: Vec<_> = self.clients.iter().map(|(from, to)| (*from, Arc::clone(&to.server))).collect();
            let mut sockets = vec![wait::closed(stopped), wait::readable(&*listener)];
            sockets.extend(servers.iter().map(|(_, server)| wait::readable(&**server)));
            self.has_changed = false;
            while !self.has_changed {
                let now = shared.now();
                self.deliver(shared, now);
                if now >= next_look {
                    self.forget_idle(now);
                    next_look = now + IDLE_POLL;
                }
                let due = self.due.first().map_or(next_look, |(due, ..)| next_look.min(*due));
                wait::until(&mut sockets, Some(due), now)?;
                if wait::is_ready(&sockets[0]) {
                    return Ok(());
                }
                if wait::is_ready(&sockets[1]) {
                    self.read(shared, &mut buffer, Direction::Forward, |bytes| listener.recv_from(bytes));
                }
                for ((address, server), _) in servers.iter().zip(&sockets[2..]).filter(|(_, fd)| wait::is_ready(fd)) {
                    let receive = |bytes: &mut [u8]| server.recv(bytes).map(|count| (count, *address));
                    self.read(shared, &mut buffer, Direction::Back, receive);
                }
            }
        }
    }

    /// Reads what waits in a socket, up to [`MAX_READS`] datagrams, each with the address of its client.
    fn read(
        &mut self,
        shared: &Shared,
        buffer: &mut [u8],
        direction: Direction,
        receive: impl Fn(&mut [u8]) -> io::Result<(usize, SocketAddr)>,
    ) {
        for _ in 0..MAX_READS {
            let now = match receive(buffer) {
                Ok((count, client)) => {
                    let now = shared.now();
                    self.push(shared, now, client, direction, &buffer[..count]);
                    now
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // That of a datagram that nobody took: it is lost, as in any network.
                Err(_) => shared.now(),
            };
            self.deliver(shared, now);
        }
    }

    fn push(&mut self, shared: &Shared, now: MonoTime, from: SocketAddr, direction: Direction, datagram: &[u8]) {
        if direction == Direction::Forward {
            self.admit(from, shared);
        }
        let Some(client) = self.clients.get_mut(&from) else { return };
        client.active = now;
        let link = client.link(direction);
        let before = link.due();
        link.push(shared, now, datagram);
        let after = link.due();
        self.reschedule(from, direction, before, after);
    }

    /// Sends all that is due by `now`, in the order of its times.
    fn deliver(&mut self, shared: &Shared, now: MonoTime) {
        while let Some((due, address, direction)) = self.due.first().copied().filter(|(due, ..)| *due <= now) {
            let next = self.clients.get_mut(&address).and_then(|client| {
                let Client { server, forward, back, .. } = client;
                match direction {
                    Direction::Forward => forward.deliver_next(shared, now, |datagram| server.send(datagram)),
                    Direction::Back => {
                        back.deliver_next(shared, now, |datagram| self.socket.send_to(datagram, address))
                    }
                }
                client.link(direction).due()
            });
            self.reschedule(address, direction, Some(due), next);
        }
    }

    /// A link's next datagram is due at `after`, and no longer at `before`.
    fn reschedule(
        &mut self,
        address: SocketAddr,
        direction: Direction,
        before: Option<MonoTime>,
        after: Option<MonoTime>,
    ) {
        if before != after {
            before.map(|due| self.due.remove(&(due, address, direction)));
            self.due.extend(after.map(|due| (due, address, direction)));
        }
    }

    fn forget_idle(&mut self, now: MonoTime) {
        let (fixed, before) = (self.fixed, self.clients.len());
        let holds = |client: &Client| client.forward.due().or(client.back.due()).is_some();
        self.clients.retain(|_, client| fixed || holds(client) || now - client.active <= IDLE_LIMIT);
        self.has_changed |= self.clients.len() < before;
    }

    /// Adds the client at this address, if it is a new one and there is room.
    fn admit(&mut self, from: SocketAddr, shared: &Shared) {
        if self.fixed || self.clients.contains_key(&from) {
            return;
        }
        let Some(number) = shared.admit(self.clients.len(), from) else { return };
        match self.connect() {
            Ok(server) => {
                self.clients.insert(from, Client::new(server, number, shared));
                self.has_changed = true;
            }
            Err(error) => shared.refuse(from, &error),
        }
    }

    fn connect(&self) -> io::Result<UdpSocket> {
        let any: SocketAddr = match self.to {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let server = UdpSocket::bind(any)?;
        server.connect(self.to)?;
        server.set_nonblocking(true)?;
        Ok(server)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Network;
    use super::*;

    fn bound() -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = socket.local_addr().expect("it is bound");
        (socket, address)
    }

    /// A forwarder of one client, with `waiting` datagrams for it to read; and the sockets of client and server.
    fn forwarder(waiting: u8) -> (Forwarder, UdpSocket, UdpSocket) {
        let ((client, _), (listener, listens_at), (server, server_at)) = (bound(), bound(), bound());
        server.set_nonblocking(true).expect("an open socket has options");
        for number in 0..waiting {
            client.send_to(&[number], listens_at).expect("loopback takes a datagram");
        }
        let forwarder = Forwarder::open(listener, server_at).expect("an open socket has options");
        (forwarder, client, server)
    }

    fn read_forward(forwarder: &mut Forwarder, shared: &Shared) {
        let listener = Arc::clone(&forwarder.socket);
        forwarder.read(shared, &mut [0; 16], Direction::Forward, |bytes| listener.recv_from(bytes));
    }

    fn received(server: &UdpSocket) -> Vec<u8> {
        std::iter::from_fn(|| {
            let mut byte = [0];
            server.recv(&mut byte).ok().map(|_| byte[0])
        })
        .collect()
    }

    #[test]
    fn a_socket_is_read_until_it_is_empty_or_another_ones_turn_has_come_and_what_is_due_leaves_meanwhile() {
        let shared = Shared::new(Network::default(), 1);
        let (mut forwarder, _client, server) = forwarder(MAX_READS as u8 + 3);
        read_forward(&mut forwarder, &shared);
        assert_eq!(received(&server), (0..MAX_READS as u8).collect::<Vec<_>>());
        read_forward(&mut forwarder, &shared);
        assert_eq!(received(&server), (MAX_READS as u8..MAX_READS as u8 + 3).collect::<Vec<_>>());
        assert!(forwarder.due.is_empty());
    }

    #[test]
    fn what_is_due_is_known_without_asking_each_client() {
        let mut network = Network::default();
        (network.forward.delay, network.back.delay) = (Duration::from_secs(60), Duration::from_secs(30));
        let shared = Shared::new(network, 1);
        let (mut forwarder, client, server) = forwarder(3);
        read_forward(&mut forwarder, &shared);
        assert_eq!((received(&server), forwarder.due.len()), (vec![], 1), "one time for a link, however much it holds");
        let (address, now) = (client.local_addr().expect("it is bound"), shared.now());
        forwarder.push(&shared, now, address, Direction::Back, &[9]);
        assert_eq!(forwarder.due.first(), Some(&(now + Duration::from_secs(30), address, Direction::Back)));
        forwarder.forget_idle(now + 2 * IDLE_LIMIT);
        assert_eq!(forwarder.clients.len(), 1, "it holds datagrams");
        forwarder.deliver(&shared, now + Duration::from_secs(61));
        assert_eq!((received(&server), forwarder.due.len()), (vec![0, 1, 2], 0));
        forwarder.has_changed = false;
        forwarder.forget_idle(now + 2 * IDLE_LIMIT);
        assert!(forwarder.clients.is_empty() && forwarder.has_changed);
    }
}
