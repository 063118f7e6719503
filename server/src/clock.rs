//! The clock endpoint: tells this host's time over UDP, at the address and port number of RTSP, to whoever asks.
//!
//! What is answered, and to whom how often, is decided by [`common::sync::Responder`].

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use common::clock::{self, Clock};
use common::sync::{Responder, wire};
use tokio::sync::watch;

use crate::Shared;

/// Longest request that is looked at.
const DATAGRAM_MAX: usize = 2 * wire::LEN;
/// Requests that are answered before other tasks get their turn.
const BATCH: usize = 32;

/// Takes the UDP port, where it is free: RTSP is served all the same where it is not.
pub(crate) fn bind(address: SocketAddr) -> Option<UdpSocket> {
    let bound = UdpSocket::bind(address).and_then(|socket| {
        socket.set_nonblocking(true)?;
        Ok(socket)
    });
    let why = match bound {
        Ok(socket) => return Some(socket),
        Err(why) => why,
    };
    tracing::warn!(
        "no clock on udp://{address} ({why}): receivers on other hosts cannot compare their clocks with this one's; \
         end what uses that UDP port, or use --clock ntp://HOST with publisher and receiver"
    );
    None
}

/// Answers until `stopped` says so.
pub(crate) async fn run(socket: UdpSocket, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let socket = match tokio::net::UdpSocket::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => return tracing::warn!(%error, "no clock is served"),
    };
    match clock::is_handed_in() {
        Ok(false) => {}
        Ok(true) => tracing::warn!("this is a test: the clock of this server is not its host's"),
        Err(malformed) => tracing::warn!("{malformed}; the host's clock is served"),
    }
    let mut responder = Responder::new(clock::host());
    loop {
        tokio::select! {
            ready = socket.readable() => if let Err(error) = ready {
                return tracing::warn!(%error, "no clock is served any more");
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
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
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
