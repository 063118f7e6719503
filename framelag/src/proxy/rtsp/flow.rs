//! The datagrams that two sides agreed on: one socket towards each, and a link each way between them.

use std::io::{self, PipeReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use common::clock::Clock;
use socket2::SockRef;

use super::super::udp::{MAX_DATAGRAM, Path};
use super::super::{Direction, Shared, wait};

/// Datagrams of a large picture come at once; the system may give less.
const SOCKET_BUFFER: usize = 4 << 20;

/// Half of the ports are odd, and few are taken.
const BIND_TRIES: usize = 100;

/// Sockets for RTP and RTCP towards both sides, before the server has said its ports.
pub(super) struct Ports {
    /// Those that the client said.
    pub of_client: [u16; 2],
    client_side: [UdpSocket; 2],
    server_side: [UdpSocket; 2],
    server: IpAddr,
}

/// Datagrams between one port of the client and one of the server.
pub(super) struct Flow {
    client: UdpSocket,
    server: UdpSocket,
}

impl Ports {
    /// Sockets for a client and a server at these addresses.
    pub fn bind(client: IpAddr, of_client: [u16; 2], server: IpAddr) -> io::Result<Self> {
        let client_side = bind_pair(client)?;
        for (socket, port) in client_side.iter().zip(of_client) {
            socket.connect((client, port))?;
        }
        Ok(Self { of_client, client_side, server_side: bind_pair(server)?, server })
    }

    /// The ports that the server is to take for the client's.
    pub fn to_server(&self) -> [u16; 2] {
        self.server_side.each_ref().map(port)
    }

    /// The ports that the client is to take for the server's.
    pub fn to_client(&self) -> [u16; 2] {
        self.client_side.each_ref().map(port)
    }

    /// The flows, now that the server has said its ports.
    pub fn connect(self, of_server: [u16; 2]) -> io::Result<[Flow; 2]> {
        for (socket, port) in self.server_side.iter().zip(of_server) {
            socket.connect((self.server, port))?;
        }
        let ([rtp, rtcp], [to_rtp, to_rtcp]) = (self.client_side, self.server_side);
        Ok([Flow { client: rtp, server: to_rtp }, Flow { client: rtcp, server: to_rtcp }])
    }
}

fn port(socket: &UdpSocket) -> u16 {
    socket.local_addr().map_or(0, |address| address.port())
}

/// An even port and the next one (RFC 3550 section 11), for datagrams from and to `peer`.
fn bind_pair(peer: IpAddr) -> io::Result<[UdpSocket; 2]> {
    let any = match peer {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    for _ in 0..BIND_TRIES {
        let first = UdpSocket::bind(SocketAddr::new(any, 0))?;
        let port = first.local_addr()?.port();
        let second = (port % 2 == 0).then(|| UdpSocket::bind(SocketAddr::new(any, port + 1)));
        let Some(Ok(second)) = second else { continue };
        for socket in [&first, &second] {
            socket.set_nonblocking(true)?;
            let options = SockRef::from(socket);
            let _ =
                options.set_recv_buffer_size(SOCKET_BUFFER).and_then(|()| options.set_send_buffer_size(SOCKET_BUFFER));
        }
        return Ok([first, second]);
    }
    Err(io::ErrorKind::AddrNotAvailable.into())
}

impl Flow {
    /// Passes datagrams on, both ways, until `stopped` closes.
    pub fn run(self, number: u64, shared: &Shared, stopped: &PipeReader) {
        wait::on_time();
        if let Err(error) = self.pass(number, shared, stopped) {
            tracing::warn!("the proxy stopped forwarding a session's datagrams: {error}");
        }
    }

    fn pass(&self, number: u64, shared: &Shared, stopped: &PipeReader) -> io::Result<()> {
        let mut forward = Path::new(shared, Direction::Forward, number);
        let mut back = Path::new(shared, Direction::Back, number);
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            let now = shared.clock.now().mono;
            forward.deliver(shared, now, |datagram| self.server.send(datagram));
            back.deliver(shared, now, |datagram| self.client.send(datagram));
            let due = forward.due().into_iter().chain(back.due()).min();
            let sockets = [wait::ended(stopped), wait::readable(&self.client), wait::readable(&self.server)];
            let wait::Ready([stopped, client, server]) = wait::until(sockets, due, now)?;
            if stopped {
                return Ok(());
            }
            // Where nobody listens the error of a datagram sent before shows here: it is lost, as on any path.
            if client && let Ok(count) = self.client.recv(&mut buffer) {
                forward.take(shared, shared.clock.now().mono, &buffer[..count]);
            }
            if server && let Ok(count) = self.server.recv(&mut buffer) {
                back.take(shared, shared.clock.now().mono, &buffer[..count]);
            }
        }
    }
}
