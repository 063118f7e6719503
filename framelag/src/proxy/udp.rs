//! Datagrams through the proxy: one thread for all clients of a socket, both ways.

use std::collections::BTreeMap;
use std::io::{self, PipeReader};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use common::time::MonoTime;

use super::shared::{IDLE_LIMIT, ImpairedLink, Shared};
use super::{Direction, wait};

/// The longest datagram.
const MAX_DATAGRAM: usize = 65_535;

/// How often idle clients are looked for.
const IDLE_POLL: Duration = Duration::from_secs(1);

/// Forwards the datagrams of every client to one server, and the answers back.
pub(super) struct Forwarder {
    socket: UdpSocket,
    to: SocketAddr,
    clients: BTreeMap<SocketAddr, Client>,
    /// Only the clients that were given are served, and never forgotten.
    fixed: bool,
}

struct Client {
    server: UdpSocket,
    forward: ImpairedLink,
    back: ImpairedLink,
    /// When something came from either side.
    active: MonoTime,
}

impl Client {
    fn new(server: UdpSocket, number: u64, shared: &Shared) -> Self {
        let link = |direction| ImpairedLink::new(shared, direction, number);
        Self { server, forward: link(Direction::Forward), back: link(Direction::Back), active: shared.now() }
    }

    fn due(&self) -> Option<MonoTime> {
        self.forward.due().into_iter().chain(self.back.due()).min()
    }
}

impl Forwarder {
    /// For anyone who sends to `socket`.
    pub(super) fn open(socket: UdpSocket, to: SocketAddr) -> Self {
        Self { socket, to, clients: BTreeMap::new(), fixed: false }
    }

    /// For the one client that `socket` is connected to, and the server that `server` is connected to.
    pub(super) fn between(socket: UdpSocket, server: UdpSocket, number: u64, shared: &Shared) -> io::Result<Self> {
        let (client, to) = (socket.peer_addr()?, server.peer_addr()?);
        Ok(Self { socket, to, clients: [(client, Client::new(server, number, shared))].into(), fixed: true })
    }

    /// Forwards until `stopped` closes.
    pub(super) fn run(mut self, shared: &Shared, stopped: &PipeReader) {
        wait::reduce_timer_slack();
        if let Err(error) = self.forward(shared, stopped) {
            tracing::error!("the proxy stopped forwarding datagrams: {error}");
        }
    }

    fn forward(&mut self, shared: &Shared, stopped: &PipeReader) -> io::Result<()> {
        self.socket.set_nonblocking(true)?;
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            let now = shared.now();
            self.deliver(shared, now);
            let due = self.clients.values().filter_map(Client::due).min().unwrap_or(now + IDLE_POLL);
            let mut sockets = vec![wait::closed(stopped), wait::readable(&self.socket)];
            sockets.extend(self.clients.values().map(|client| wait::readable(&client.server)));
            let ready = wait::until(sockets, Some(due), now)?;
            if ready[0] {
                return Ok(());
            }
            // The error of a datagram that nobody took shows at the next receive: it is lost, as in any network.
            for (client, _) in self.clients.values_mut().zip(&ready[2..]).filter(|(_, ready)| **ready) {
                if let Ok(count) = client.server.recv(&mut buffer) {
                    client.active = shared.now();
                    client.back.push(shared, client.active, &buffer[..count]);
                }
            }
            if ready[1]
                && let Ok((count, from)) = self.socket.recv_from(&mut buffer)
                && let Some(client) = self.client(from, shared)
            {
                client.active = shared.now();
                client.forward.push(shared, client.active, &buffer[..count]);
            }
        }
    }

    fn deliver(&mut self, shared: &Shared, now: MonoTime) {
        for (address, client) in &mut self.clients {
            client.forward.deliver(shared, now, |datagram| client.server.send(datagram));
            client.back.deliver(shared, now, |datagram| self.socket.send_to(datagram, address));
        }
        let fixed = self.fixed;
        self.clients.retain(|_, client| fixed || client.due().is_some() || now - client.active <= IDLE_LIMIT);
    }

    /// The client at this address, a new one if there is room.
    fn client(&mut self, from: SocketAddr, shared: &Shared) -> Option<&mut Client> {
        if !self.clients.contains_key(&from) && !self.fixed {
            let number = shared.admit(self.clients.len(), from)?;
            match self.connect() {
                Ok(server) => drop(self.clients.insert(from, Client::new(server, number, shared))),
                Err(error) => shared.refuse(from, &error),
            }
        }
        self.clients.get_mut(&from)
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
