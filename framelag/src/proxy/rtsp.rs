//! RTSP whose media travels in datagrams: the proxy rewrites the ports in SETUP to its own, and forwards the datagrams under the
//! same conditions.
//!
//! ```text
//! client ── RTSP ──▶ rewriting ──▶ Proxy (TCP) ──▶ server
//!        ◀─ RTP ───  a Forwarder for each port ◀──
//! ```
//!
//! Media interleaved in the RTSP connection passes too.

mod ports;

use std::collections::HashMap;
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use common::rtsp::pieces as message;

use super::accept::{self, Client};
use super::udp::Forwarder;
use super::{Endpoint, Error, Network, Protocol, Proxy, Shared, wait};
use message::{Messages, Piece};
use ports::Ports;

/// How long the server may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// How long either side may take to read what it is told; control messages are short.
const WRITE_LIMIT: Duration = Duration::from_secs(5);

/// Transports that one connection may ask for without an answer, or have at a time.
const MAX_TRANSPORTS: usize = 16;

/// Bytes read at once.
const READ_BYTES: usize = 16 << 10;

/// Listens at `listen` and passes RTSP with its datagrams on to `to`. `seed` decides over everything that is left to chance.
///
/// # Errors
/// [`Error`]. That nobody listens at `to` shows only when a client comes.
pub fn start(listen: SocketAddr, to: SocketAddr, network: Network, seed: u64) -> Result<Proxy, Error> {
    let tcp = |address| Endpoint { protocol: Protocol::Tcp, address };
    let localhost: IpAddr = if to.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    let control = Proxy::start(tcp((localhost, 0).into()), tcp(to), network.clone(), seed)?;
    let cannot = |error| Error::Listen(tcp(listen), error);
    let socket = TcpListener::bind(listen).map_err(cannot)?;
    let address = socket.local_addr().map_err(cannot)?;
    // Away from the seeds of the control connections, which count on from theirs.
    let seed = seed.wrapping_add(1 << 31);
    Proxy::run(address, network, seed, move |shared, stopped| {
        let server = Server { control: control.address(), ip: to.ip() };
        accept::connections(&socket, shared, stopped, move |client: Client, shared, stopped| {
            if let Err(error) = Connection::run(client.socket, server, shared, stopped) {
                tracing::debug!("the RTSP connection from {} broke off: {error}", client.address);
            }
        });
    })
}

/// Where the server is.
#[derive(Clone, Copy)]
struct Server {
    /// By way of the impaired network, for messages.
    control: SocketAddr,
    /// For datagrams.
    ip: IpAddr,
}

/// One RTSP connection with its datagrams.
struct Connection<'a> {
    client: IpAddr,
    server: Server,
    shared: &'a Arc<Shared>,
    /// Transports that were asked for, by CSeq.
    asked: HashMap<String, Ports>,
    /// Threads that forward datagrams.
    forwarders: Vec<JoinHandle<()>>,
    /// Ends them when it is closed.
    stopped: Arc<PipeReader>,
    _stop: PipeWriter,
}

impl Connection<'_> {
    /// Runs until either side ends, or the proxy.
    fn run(client: TcpStream, server: Server, shared: &Arc<Shared>, stopped: &PipeReader) -> io::Result<()> {
        let to = TcpStream::connect_timeout(&server.control, CONNECT_LIMIT)?;
        for socket in [&client, &to] {
            socket.set_nodelay(true)?;
            // Accepted sockets may be as their listener is.
            socket.set_nonblocking(false)?;
            socket.set_write_timeout(Some(WRITE_LIMIT))?;
        }
        let (ended, stop) = io::pipe()?;
        let peer = client.peer_addr()?.ip();
        let mut connection = Connection {
            client: peer,
            server,
            shared,
            asked: HashMap::new(),
            forwarders: Vec::new(),
            stopped: Arc::new(ended),
            _stop: stop,
        };
        let passed = connection.pass(&client, &to, stopped);
        let Connection { forwarders, _stop: stop, .. } = connection;
        drop(stop);
        forwarders.into_iter().for_each(|forwarder| drop(forwarder.join()));
        passed
    }

    fn pass(&mut self, mut client: &TcpStream, mut server: &TcpStream, stopped: &PipeReader) -> io::Result<()> {
        let (mut requests, mut responses) = (Messages::default(), Messages::default());
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let sockets = vec![wait::closed(stopped), wait::readable(client), wait::readable(server)];
            let ready = wait::until(sockets, None, self.shared.now())?;
            if ready[0] {
                return Ok(());
            }
            if ready[1] {
                let Some(count) = read(client, &mut buffer)? else { return Ok(()) };
                for piece in requests.take(&buffer[..count]) {
                    server.write_all(&self.request(piece)?)?;
                }
            }
            if ready[2] {
                let Some(count) = read(server, &mut buffer)? else { return Ok(()) };
                for piece in responses.take(&buffer[..count]) {
                    client.write_all(&self.response(piece)?)?;
                }
            }
        }
    }

    /// A request as the server is to see it. The error ends the connection: datagrams that go past the proxy would be measured
    /// without its network.
    fn request(&mut self, piece: Piece) -> io::Result<Vec<u8>> {
        let head = match piece {
            Piece::Bytes(bytes) => return Ok(bytes),
            Piece::Head(head) => head,
        };
        let wanted = message::is_setup(&head).then(|| message::ports(&head, "client_port")).flatten();
        let (Some(of_client), Some(number)) = (wanted, message::header(&head, "CSeq")) else {
            return Ok(head.into_bytes());
        };
        if self.asked.len() + self.forwarders.len() / 2 >= MAX_TRANSPORTS {
            return Err(io::Error::other(format!("it asks for more than {MAX_TRANSPORTS} transports")));
        }
        let ports = Ports::bind(self.client, of_client, self.server.ip)
            .inspect_err(|error| tracing::warn!("no ports for datagrams: {error}"))?;
        let told = message::with_ports(&head, "client_port", ports.to_server());
        self.asked.insert(number.to_owned(), ports);
        Ok(told.into_bytes())
    }

    /// A response as the client is to see it.
    fn response(&mut self, piece: Piece) -> io::Result<Vec<u8>> {
        let head = match piece {
            Piece::Bytes(bytes) => return Ok(bytes),
            Piece::Head(head) => head,
        };
        let number = message::status(&head).and_then(|_| message::header(&head, "CSeq"));
        let Some(ports) = number.and_then(|number| self.asked.remove(number)) else { return Ok(head.into_bytes()) };
        let Some(of_server) = message::ports(&head, "server_port").filter(|_| message::status(&head) == Some(200))
        else {
            return Ok(head.into_bytes());
        };
        let head = message::with_ports(&head, "client_port", ports.of_client);
        let head = message::with_ports(&head, "server_port", ports.to_client());
        for (client, server) in ports.connect(of_server)? {
            let number = self.shared.opened.fetch_add(1, Ordering::Relaxed);
            let (shared, stopped) = (Arc::clone(self.shared), Arc::clone(&self.stopped));
            let forwarder = Forwarder::between(client, server, number, &shared)?;
            let run = move || forwarder.run(&shared, &stopped);
            self.forwarders.push(thread::Builder::new().name(format!("proxy {number}")).spawn(run)?);
        }
        Ok(head.into_bytes())
    }
}

/// What there is to read; `None` at the end.
fn read(mut socket: &TcpStream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match socket.read(buffer) {
            Ok(0) => return Ok(None),
            Ok(count) => return Ok(Some(count)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
