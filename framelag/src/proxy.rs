//! A proxy for TCP, UDP and RTSP that applies [`common::impair`]'s conditions to what passes through it.
//!
//! ```text
//! client ── forward ──▶ proxy ──▶ server
//!        ◀─── back ────       ◀──
//! ```
//!
//! Each direction of a connection has a thread of its own, which holds each byte until its time has come, to within the precision of
//! [`wait`]. What happens to a byte is decided when it is read, by the seed, the number of its connection and its direction; a
//! second run with the same traffic at the same times decides the same.
//!
//! **TCP**: each accepted connection gets one to the server. Nothing is lost or reordered: loss delays bytes by a retransmission,
//! reordering and duplication do not show. When one side ends its direction, the proxy ends it on the other side once its last byte
//! has arrived there, and the other direction goes on. While [`MAX_STREAM_BYTES`] are in flight in a direction, or the
//! bottleneck's queue is full, the proxy stops reading, and the writer waits as with any slow network.
//!
//! **UDP**: one thread serves all clients; each client address gets a socket to the server. Datagrams are lost when a queue is full,
//! or with more than [`common::impair::MAX_UNDER_WAY_BYTES`] in flight.
//!
//! **RTSP** with media in datagrams negotiates ports in its session: [`Proxy::start_rtsp`] rewrites them to its own.

mod chunk;
mod endpoint;
mod rtsp;
mod shared;
mod tcp;
mod udp;
pub mod wait;

use std::io::{self, PipeReader, PipeWriter};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};

use common::impair::Counts;

pub use chunk::Chunk;
pub use endpoint::{Endpoint, Protocol, delay};
pub use shared::{Direction, MAX_STREAM_BYTES, Network};
use shared::{Shared, lock};
use tcp::Target;
use udp::Forwarder;

/// Why there is no proxy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The two ends use different protocols.
    #[error("both sides of a proxy must use the same protocol: cannot forward {0} to {1}")]
    Mixed(Endpoint, Endpoint),
    /// The address to listen at is taken or not allowed.
    #[error("cannot listen on {0}: {1}")]
    Listen(Endpoint, io::Error),
    /// No thread or pipe.
    #[error("cannot start the proxy: {0}")]
    Start(io::Error),
}

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
    /// Listens at `listen` and passes on to `to`. `seed` decides over everything that is left to chance.
    ///
    /// # Errors
    /// [`Error`]. That nobody listens at `to` shows only when a client comes.
    pub fn start(listen: Endpoint, to: Endpoint, network: Network, seed: u64) -> Result<Self, Error> {
        if listen.protocol != to.protocol {
            return Err(Error::Mixed(listen, to));
        }
        match listen.protocol {
            Protocol::Tcp => Self::start_tcp(listen, Target { server: to.address, rtsp: false }, network, seed),
            Protocol::Udp => {
                let cannot = |error| Error::Listen(listen, error);
                let socket = UdpSocket::bind(listen.address).map_err(cannot)?;
                let address = socket.local_addr().map_err(cannot)?;
                let forwarder = Forwarder::open(socket, to.address);
                Self::run(address, network, seed, move |shared, stopped| forwarder.run(shared, stopped))
            }
        }
    }

    /// The same for RTSP, with the datagrams whose ports it negotiates.
    ///
    /// # Errors
    /// [`Error`].
    pub fn start_rtsp(listen: SocketAddr, to: SocketAddr, network: Network, seed: u64) -> Result<Self, Error> {
        let listen = Endpoint { protocol: Protocol::Tcp, address: listen };
        Self::start_tcp(listen, Target { server: to, rtsp: true }, network, seed)
    }

    fn start_tcp(listen: Endpoint, to: Target, network: Network, seed: u64) -> Result<Self, Error> {
        let cannot = |error| Error::Listen(listen, error);
        let socket = TcpListener::bind(listen.address).map_err(cannot)?;
        let address = socket.local_addr().map_err(cannot)?;
        Self::run(address, network, seed, move |shared, stopped| tcp::listen(&socket, to, shared, stopped))
    }

    /// Runs `listen` on a thread of its own. It has to return once the pipe closes.
    fn run(
        address: SocketAddr,
        network: Network,
        seed: u64,
        listen: impl FnOnce(&Arc<Shared>, &Arc<PipeReader>) + Send + 'static,
    ) -> Result<Self, Error> {
        let shared = Arc::new(Shared::new(network, seed));
        let (stopped, stop) = io::pipe().map_err(Error::Start)?;
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name("proxy".to_owned());
        let listener = thread.spawn(move || listen(&of_thread, &Arc::new(stopped))).map_err(Error::Start)?;
        Ok(Self { address, shared, stop: Some(stop), listener: Some(listener) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the conditions, for open connections too. What is in flight keeps its time.
    pub fn set_network(&self, network: Network) {
        *lock(&self.shared.network) = network;
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
    fn a_port_that_is_taken_and_mixed_ends_are_said() {
        let holder = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let taken = Endpoint { protocol: Protocol::Tcp, address: holder.local_addr().expect("it is bound") };
        let error = Proxy::start(taken, taken, Network::default(), 1).expect_err("it is taken");
        assert!(error.to_string().contains(&taken.to_string()), "{error}");
        let other = Endpoint { protocol: Protocol::Udp, ..taken };
        assert!(matches!(Proxy::start(taken, other, Network::default(), 1), Err(Error::Mixed(..))));
    }
}
