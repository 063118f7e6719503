//! Datagrams through the proxy: one thread for all that clients send, and one for the answers to each client.

use std::collections::HashMap;
use std::io::{self, PipeReader};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use common::clock::Clock;
use common::impair::Link;
use common::time::MonoTime;

use super::shared::{Shared, Watch};
use super::{Direction, IDLE_LIMIT, wait};

/// The longest datagram.
pub(super) const MAX_DATAGRAM: usize = 65_535;

/// How often a client is looked at for having gone.
const IDLE_POLL: Duration = Duration::from_secs(1);

/// Passes datagrams on until `stopped` closes.
pub(super) fn listen(socket: UdpSocket, to: SocketAddr, shared: &Arc<Shared>, stopped: &Arc<PipeReader>) {
    let mut clients = Clients { socket: Arc::new(socket), to, shared, stopped, open: HashMap::new() };
    if let Err(error) = clients.run() {
        tracing::error!("the proxy stopped forwarding datagrams: {error}");
    }
    clients.open.into_values().for_each(|client| drop(client.answers.join()));
}

/// Everybody who sends.
struct Clients<'a> {
    socket: Arc<UdpSocket>,
    to: SocketAddr,
    shared: &'a Arc<Shared>,
    stopped: &'a Arc<PipeReader>,
    open: HashMap<SocketAddr, Client>,
}

/// One of them.
struct Client {
    path: Path,
    session: Arc<Session>,
    answers: JoinHandle<()>,
}

/// What both directions of a client have in common.
struct Session {
    server: UdpSocket,
    /// When something came from either side, µs since the clock's origin.
    active: AtomicU64,
    ended: AtomicBool,
}

/// One direction of a client.
pub(super) struct Path {
    direction: Direction,
    watch: Watch,
    link: Link,
}

impl Clients<'_> {
    fn run(&mut self) -> io::Result<()> {
        wait::on_time();
        self.socket.set_nonblocking(true)?;
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            let now = self.shared.clock.now().mono;
            self.deliver(now);
            let due = self.open.values().filter_map(|client| client.path.due()).min();
            let due = due.unwrap_or(now + IDLE_POLL);
            let sockets = [wait::ended(&**self.stopped), wait::readable(&*self.socket)];
            let wait::Ready([stopped, readable]) = wait::until(sockets, Some(due), now)?;
            if stopped {
                return Ok(());
            }
            if readable {
                // Where a client's port is closed the error of an answer shows here: it is no datagram.
                if let Ok((count, from)) = self.socket.recv_from(&mut buffer) {
                    self.take(from, &buffer[..count]);
                }
            }
        }
    }

    fn deliver(&mut self, now: MonoTime) {
        for client in self.open.values_mut() {
            let server = &client.session.server;
            client.path.deliver(self.shared, now, |datagram| server.send(datagram));
        }
        self.open.retain(|_, client| !client.session.ended.load(Ordering::Acquire));
    }

    fn take(&mut self, from: SocketAddr, datagram: &[u8]) {
        let now = self.shared.clock.now().mono;
        if !self.open.contains_key(&from) {
            let Some(number) = self.shared.admit(self.open.len(), from) else { return };
            match self.client(from, number, now) {
                Ok(client) => drop(self.open.insert(from, client)),
                Err(error) => return self.shared.refuse(from, &error),
            }
        }
        if let Some(client) = self.open.get_mut(&from) {
            client.session.is_active(now);
            client.path.take(self.shared, now, datagram);
        }
    }

    fn client(&self, from: SocketAddr, number: u64, now: MonoTime) -> io::Result<Client> {
        let any: SocketAddr = match self.to {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let server = UdpSocket::bind(any)?;
        server.connect(self.to)?;
        server.set_nonblocking(true)?;
        let session = Arc::new(Session { server, active: AtomicU64::new(0), ended: AtomicBool::new(false) });
        session.is_active(now);
        let back = Path::new(self.shared, Direction::Back, number);
        let answers = {
            let (session, socket) = (Arc::clone(&session), Arc::clone(&self.socket));
            let (shared, stopped) = (Arc::clone(self.shared), Arc::clone(self.stopped));
            move || {
                if let Err(error) = answer(back, &session, &socket, from, &shared, &stopped) {
                    tracing::warn!("stopped forwarding answers to {from}: {error}");
                }
                session.ended.store(true, Ordering::Release);
            }
        };
        let answers = thread::Builder::new().name(format!("proxy {number}")).spawn(answers)?;
        Ok(Client { path: Path::new(self.shared, Direction::Forward, number), session, answers })
    }
}

/// Passes on what the server answers a client, until `stopped` closes or nothing is heard of the client any more.
fn answer(
    mut path: Path,
    session: &Session,
    socket: &UdpSocket,
    client: SocketAddr,
    shared: &Shared,
    stopped: &PipeReader,
) -> io::Result<()> {
    wait::on_time();
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        let now = shared.clock.now().mono;
        path.deliver(shared, now, |datagram| socket.send_to(datagram, client));
        let due = path.due();
        if due.is_none() && session.is_idle(now) {
            return Ok(());
        }
        let sockets = [wait::ended(stopped), wait::readable(&session.server)];
        let due = due.unwrap_or(now + IDLE_POLL);
        let wait::Ready([stopped, readable]) = wait::until(sockets, Some(due), now)?;
        if stopped {
            return Ok(());
        }
        if readable {
            // Where nobody listens the error of a datagram sent before shows here: it is lost, as on any path.
            if let Ok(count) = session.server.recv(&mut buffer) {
                let now = shared.clock.now().mono;
                session.is_active(now);
                path.take(shared, now, &buffer[..count]);
            }
        }
    }
}

impl Session {
    fn is_active(&self, now: MonoTime) {
        self.active.store(now.since_origin().as_micros() as u64, Ordering::Relaxed);
    }

    fn is_idle(&self, now: MonoTime) -> bool {
        let active = MonoTime::from_origin(Duration::from_micros(self.active.load(Ordering::Relaxed)));
        now - active > IDLE_LIMIT
    }
}

impl Path {
    pub(super) fn new(shared: &Shared, direction: Direction, number: u64) -> Self {
        let (conditions, watch) = Watch::new(shared, direction);
        Self { direction, watch, link: Link::new(conditions, shared.seed_of(number, direction)) }
    }

    pub(super) fn take(&mut self, shared: &Shared, now: MonoTime, datagram: &[u8]) {
        if let Some(conditions) = self.watch.changed(shared) {
            self.link.set_conditions(conditions);
        }
        let before = self.link.counts();
        self.link.handle_packet(now, datagram.to_vec());
        shared.count(self.direction, before, self.link.counts());
    }

    /// When something is to be delivered.
    pub(super) fn due(&self) -> Option<MonoTime> {
        self.link.poll_timeout()
    }

    /// A datagram that the system does not take is lost, as on any path.
    pub(super) fn deliver(&mut self, shared: &Shared, now: MonoTime, send: impl Fn(&[u8]) -> io::Result<usize>) {
        while self.link.poll_timeout().is_some_and(|due| due <= now) {
            let before = self.link.counts();
            let Some(datagram) = self.link.poll_output(now) else { return };
            let _ = send(&datagram);
            shared.count(self.direction, before, self.link.counts());
        }
    }
}
