//! The ports that client and server agree on for a stream's datagrams, with the proxy's in between.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use socket2::SockRef;

/// Room for the datagrams of a large picture; the system may give less.
const SOCKET_BUFFER: usize = 4 << 20;

/// Half of the ports are odd, and few are taken.
const BIND_TRIES: usize = 100;

/// Sockets for RTP and RTCP towards both sides, until the server has said its ports.
pub(super) struct Ports {
    /// As the client said.
    pub of_client: [u16; 2],
    client_side: [UdpSocket; 2],
    server_side: [UdpSocket; 2],
    server: IpAddr,
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

    /// The ports that the server sees in place of the client's.
    pub fn to_server(&self) -> [u16; 2] {
        self.server_side.each_ref().map(port)
    }

    /// The ports that the client sees in place of the server's.
    pub fn to_client(&self) -> [u16; 2] {
        self.client_side.each_ref().map(port)
    }

    /// Connects both sides, now that the server has said its ports: for RTP and for RTCP, the sockets towards client and server.
    pub fn connect(self, of_server: [u16; 2]) -> io::Result<[(UdpSocket, UdpSocket); 2]> {
        for (socket, port) in self.server_side.iter().zip(of_server) {
            socket.connect((self.server, port))?;
        }
        let ([rtp, rtcp], [to_rtp, to_rtcp]) = (self.client_side, self.server_side);
        Ok([(rtp, to_rtp), (rtcp, to_rtcp)])
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
