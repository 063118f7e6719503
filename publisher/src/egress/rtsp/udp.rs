//! The two UDP sockets of RTP and RTCP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use common::rtp::Packets;

/// Most attempts to bind two neighbouring ports.
const TRIES: u32 = 64;
/// Longest RTCP packet that is read, in bytes.
const RTCP_MAX: usize = 1500;

/// A pair of sockets on neighbouring ports, RTP's even (RFC 3550 section 11).
pub(super) struct Pair {
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

impl Pair {
    /// Binds a pair on the interface that `local` belongs to.
    pub(super) fn bind(local: IpAddr) -> io::Result<Self> {
        let unspecified = match local {
            IpAddr::V4(v4) if v4.is_loopback() => local,
            IpAddr::V6(v6) if v6.is_loopback() => local,
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        for _ in 0..TRIES {
            let first = UdpSocket::bind((unspecified, 0))?;
            let port = first.local_addr()?.port();
            // The system gives any port; its neighbour may be taken.
            let Ok(second) = UdpSocket::bind((unspecified, port ^ 1)) else { continue };
            let (rtp, rtcp) = if port % 2 == 0 { (first, second) } else { (second, first) };
            rtcp.set_nonblocking(true)?;
            return Ok(Self { rtp, rtcp });
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "no two neighbouring ports are free"))
    }

    /// The ports of RTP and RTCP.
    pub(super) fn ports(&self) -> io::Result<(u16, u16)> {
        Ok((self.rtp.local_addr()?.port(), self.rtcp.local_addr()?.port()))
    }

    /// Sends to, and takes packets from, these ports of `host` only.
    pub(super) fn connect(&self, host: IpAddr, rtp: u16, rtcp: u16) -> io::Result<()> {
        self.rtp.connect(SocketAddr::new(host, rtp))?;
        self.rtcp.connect(SocketAddr::new(host, rtcp))
    }

    /// Sends all packets, and says whether the system had room for them. A server that has gone shows in the RTSP
    /// connection.
    pub(super) fn send(&self, packets: &Packets) -> bool {
        send_all(packets.iter(), |packet| self.rtp.send(packet))
    }

    /// Sends an RTCP packet, if it can be sent.
    pub(super) fn send_rtcp(&self, packet: &[u8]) {
        let _ = self.rtcp.send(packet);
    }

    /// An RTCP packet that has come, if any.
    pub(super) fn receive_rtcp(&self) -> Option<Vec<u8>> {
        let mut buffer = [0; RTCP_MAX];
        let len = self.rtcp.recv(&mut buffer).ok()?;
        Some(buffer[..len].to_vec())
    }
}

/// Sends packets up to the first that the system has no room for, and says whether there was none. Any other error is
/// the network's word on an earlier datagram, such as a port that nobody listens on.
fn send_all<'a>(mut packets: impl Iterator<Item = &'a [u8]>, mut send: impl FnMut(&[u8]) -> io::Result<usize>) -> bool {
    packets.all(|packet| !send(packet).is_err_and(|error| is_full(&error)))
}

fn is_full(error: &io::Error) -> bool {
    let no_buffers = error.raw_os_error() == Some(rustix::io::Errno::NOBUFS.raw_os_error());
    no_buffers || error.kind() == io::ErrorKind::WouldBlock
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_neighbours_with_rtp_even() {
        let pairs: Vec<_> = (0..8).map(|_| Pair::bind(Ipv4Addr::LOCALHOST.into()).expect("ports are free")).collect();
        for pair in &pairs {
            let (rtp, rtcp) = pair.ports().expect("they are bound");
            assert_eq!((rtp % 2, rtcp), (0, rtp + 1));
        }
    }

    #[test]
    fn a_full_buffer_costs_the_rest_of_the_frame_and_is_told() {
        let packets: [&[u8]; 3] = [b"one", b"two", b"three"];
        for (error, whole, tried) in [
            (None, true, 3),
            (Some(io::ErrorKind::WouldBlock.into()), false, 2),
            (Some(io::Error::from_raw_os_error(rustix::io::Errno::NOBUFS.raw_os_error())), false, 2),
            (Some(io::ErrorKind::ConnectionRefused.into()), true, 3),
        ] {
            let said = format!("{error:?}");
            let (mut sent, mut error) = (0, error);
            let send = |packet: &[u8]| {
                sent += 1;
                let fails = packet == b"two";
                if fails && let Some(error) = error.take() { Err(error) } else { Ok(packet.len()) }
            };
            assert_eq!(send_all(packets.into_iter(), send), whole, "{said}");
            assert_eq!(sent, tried, "{said}");
        }
    }
}
