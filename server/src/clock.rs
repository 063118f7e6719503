//! The clock endpoint: tells this host's time over UDP, at the address and port number of RTSP, to whoever asks.
//!
//! What is answered, and to whom how often, is decided by [`common::sync::Responder`].

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;

use common::clock::Clock;
use common::host::clock;
use common::sync::{Responder, wire};
use tokio::sync::watch;

use crate::Shared;
use crate::config::{self, Error};

/// Longest request that is looked at.
const DATAGRAM_MAX: usize = 2 * wire::LEN;
/// Requests that are answered before other tasks get their turn.
const BATCH: usize = 32;
/// Ports that are passed over because their UDP side is taken. On a busy host that is one in some hundred.
const TRIES: usize = 16;

/// Listens for RTSP on `address` and takes the UDP port of that number, where it is free: RTSP is served all the same where it
/// is not. Of port 0 the system makes one whose UDP port may be another's; then it is asked for one more.
///
/// # Errors
/// As [`config::listen`].
pub(crate) fn listen_beside(address: SocketAddr) -> Result<(TcpListener, Option<UdpSocket>), Error> {
    listen_with(address, bind)
}

fn listen_with(
    address: SocketAddr,
    mut bind: impl FnMut(SocketAddr) -> io::Result<UdpSocket>,
) -> Result<(TcpListener, Option<UdpSocket>), Error> {
    // Held until one is found, or the system would give the same again.
    let mut passed_over = Vec::new();
    loop {
        let listener = config::listen(address, "--rtsp")?;
        let at = listener.local_addr().map_err(Error::Runtime)?;
        match bind(at) {
            Ok(socket) => return Ok((listener, Some(socket))),
            Err(_) if address.port() == 0 && passed_over.len() < TRIES => passed_over.push(listener),
            Err(why) => {
                tracing::warn!(
                    "cannot serve the clock on udp://{at} ({why}): receivers on other hosts cannot compare their clocks with this one's; \
                     free that UDP port, or give publisher and receiver the same --clock ntp://HOST"
                );
                return Ok((listener, None));
            }
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Answers until `stopped` says so.
pub(crate) async fn run(socket: UdpSocket, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let socket = match tokio::net::UdpSocket::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => return tracing::warn!(%error, "cannot serve the clock"),
    };
    match clock::is_handed_in() {
        Ok(false) => {}
        Ok(true) => tracing::warn!("this is a test: the clock of this server is not its host's"),
        Err(malformed) => tracing::warn!("{malformed}; serving the host's clock"),
    }
    let mut responder = Responder::new(clock::host());
    loop {
        tokio::select! {
            ready = socket.readable() => if let Err(error) = ready {
                return tracing::warn!(%error, "the clock server stopped");
            },
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        answer(&socket, &shared, &mut responder);
        tokio::task::yield_now().await;
    }
}

fn answer(socket: &tokio::net::UdpSocket, shared: &Shared, responder: &mut Responder) {
    let mut buffer = [0; DATAGRAM_MAX];
    for _ in 0..BATCH {
        let (length, from) = match socket.try_recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            // The network's word on an answer sent earlier.
            Err(_) => continue,
        };
        let now = shared.clock.now();
        let Some(nonce) = responder.handle_datagram(now.mono, from.ip(), &buffer[..length]) else { continue };
        let answer = responder.answer(nonce, now.wall, shared.clock.now().wall);
        // An answer that cannot go out now would come too late to be of use.
        let _ = socket.try_send_to(&answer, from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    #[test]
    fn a_port_whose_udp_side_is_taken_is_passed_over_for_another() {
        let mut tried = Vec::new();
        let taken_twice = |at: SocketAddr| {
            tried.push(at);
            if tried.len() < 3 { Err(io::ErrorKind::AddrInUse.into()) } else { super::bind(at) }
        };
        // Where a UDP port is another's in truth, one more is asked for.
        let (listener, socket) = listen_with(ANY, taken_twice).expect("loopback has free ports");
        let at = listener.local_addr().expect("it is bound");
        assert_eq!(socket.and_then(|socket| socket.local_addr().ok()), Some(at));
        let (last, before) = tried.split_last().expect("it was tried");
        assert!(tried.len() >= 3 && *last == at && !before.contains(&at), "{tried:?}");
    }

    #[test]
    fn a_port_that_was_asked_for_is_kept_without_its_udp_side() {
        let taken = |_| Err(io::ErrorKind::AddrInUse.into());
        let (first, none) = listen_with(ANY, taken).expect("loopback has free ports");
        assert!(none.is_none(), "after some tries RTSP goes without");
        let asked = SocketAddr::new(
            std::net::Ipv4Addr::new(127, 0, 0, 2).into(),
            first.local_addr().expect("it is bound").port(),
        );
        let (listener, none) = listen_with(asked, taken).expect("nobody has that of another address");
        assert_eq!((listener.local_addr().expect("it is bound"), none.is_none()), (asked, true));
    }
}
