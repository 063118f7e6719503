//! A proxy for TCP, UDP and RTSP that applies [`common::impair`]'s conditions to what passes through it.
//!
//! ```text
//! client ── forward ──▶ proxy ──▶ server
//!        ◀─── back ────       ◀──
//! ```
//!
//! Each direction of a connection has a thread of its own, which holds each byte until its time has come, to within the precision of
//! `wait`. What happens to a byte is decided when it is read, by the seed, the number of its connection and its direction; a
//! second run with the same traffic at the same times decides the same.
//!
//! **TCP**: each accepted connection gets one to the server. Nothing is lost or reordered: loss delays bytes by a retransmission,
//! reordering and duplication do not show. When one side ends its direction, the proxy ends it on the other side once its last byte
//! has arrived there, and the other direction goes on. While [`MAX_STREAM_BYTES`] are in flight in a direction, or the
//! bottleneck's queue is full, the proxy stops reading, and the writer waits as with any slow network.
//!
//! **UDP**: one thread serves all clients, both ways; each client address gets a socket to the server. Datagrams are lost when a
//! queue is full, or with more than [`common::impair::MAX_UNDER_WAY_BYTES`] in flight.
//!
//! **RTSP** with media in datagrams negotiates ports in its session: [`Protocol::Rtsp`] rewrites them to its own.

mod endpoint;
mod rtsp;
mod shared;
mod tcp;
mod udp;
mod wait;

use std::io::{self, PipeWriter};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};

use common::impair::Counts;
use common::lock::lock;

pub use endpoint::{Endpoint, Protocol, delay};
use shared::Shared;
pub use shared::{Chunk, Direction, MAX_STREAM_BYTES, Network};
use tcp::Target;
use udp::Forwarder;
pub use wait::reduce_timer_slack;

/// A running proxy. Dropping it ends it and all connections through it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Closed, it wakes every thread and ends it.
    stop: Option<PipeWriter>,
    listener: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens at `listen` and forwards to `to`. `seed` decides everything that is left to chance.
    ///
    /// # Errors
    /// It cannot listen. That nobody listens at `to` shows only when a client comes.
    pub fn start(
        protocol: Protocol,
        listen: SocketAddr,
        to: SocketAddr,
        network: Network,
        seed: u64,
    ) -> Result<Self, String> {
        let shared = Arc::new(Shared::new(network, seed));
        let (of_thread, (stopped, stop)) = (Arc::clone(&shared), io::pipe().map_err(cannot_start)?);
        let thread = thread::Builder::new().name("proxy".to_owned());
        let cannot = |error| format!("cannot listen on {}: {error}", Endpoint { protocol, address: listen });
        let (address, listener) = if protocol == Protocol::Udp {
            let socket = UdpSocket::bind(listen).map_err(cannot)?;
            let address = socket.local_addr().map_err(cannot)?;
            let forwarder = Forwarder::open(socket, to).map_err(cannot)?;
            (address, thread.spawn(move || forwarder.run(&of_thread, &stopped)))
        } else {
            let socket = TcpListener::bind(listen).map_err(cannot)?;
            let address = socket.local_addr().map_err(cannot)?;
            let to = Target { server: to, rtsp: protocol == Protocol::Rtsp };
            (address, thread.spawn(move || tcp::listen(&socket, to, &of_thread, &Arc::new(stopped))))
        };
        Ok(Self { address, shared, stop: Some(stop), listener: Some(listener.map_err(cannot_start)?) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the conditions, for open connections too. What is in flight keeps its time.
    pub fn set_network(&self, network: Network) {
        self.shared.set_network(network);
    }

    /// Reports what passes over TCP connections from now on, each chunk when its last byte was written. It replaces an earlier
    /// watcher.
    pub fn watch(&self, direction: Direction) -> Receiver<Chunk> {
        self.shared.watch(direction)
    }

    /// What became of the datagrams so far, of all clients together.
    pub fn counts(&self, direction: Direction) -> Counts {
        lock(&self.shared.counts)[direction as usize]
    }

    /// Connections, or client addresses, so far.
    pub fn opened(&self) -> u64 {
        self.shared.opened.load(Ordering::Relaxed)
    }

    /// Refused connections: too many, or nobody answered on the other side.
    pub fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::Relaxed)
    }
}

fn cannot_start(error: io::Error) -> String {
    format!("cannot start the proxy: {error}")
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop = None;
        // A thread that panicked has said so on standard error.
        self.listener.take().into_iter().for_each(|listener| drop(listener.join()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_named() {
        let holder = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let taken = holder.local_addr().expect("it is bound");
        let error = Proxy::start(Protocol::Tcp, taken, taken, Network::default(), 1).expect_err("it is taken");
        assert!(error.contains(&format!("tcp://{taken}")), "{error}");
    }
}
