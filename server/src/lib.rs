//! The embedded media server: accepts one publisher and many readers per path over RTSP, relays packets unchanged and
//! at once, shows over HTTP what it does, and tells its time over UDP.
//!
//! [`start`] binds the ports, and returns with the server running on threads of its own. Sessions are
//! [`common::rtsp::serve`]'s; this crate has their sockets, the relay between them, and the HTTP side.

mod auth;
mod clock;
mod config;
mod http;
mod relay;
mod rtsp;
mod runtime;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use common::clock::{Clock, SystemClock};
use common::time::Now;

pub use auth::AuthFileError;
pub use config::{Config, Error};
pub use runtime::{Handle, start};

/// What all connections of a server share.
struct Shared {
    clock: SystemClock,
    started: Now,
    paths: Arc<relay::Paths>,
    /// Of everything that waits to be written.
    memory: relay::Memory,
    users: Option<Arc<auth::Users>>,
    ids: AtomicU64,
    connections: Connections,
}

/// Counts of RTSP connections.
#[derive(Debug, Default)]
struct Connections {
    accepted: AtomicU64,
    refused: AtomicU64,
    open: AtomicU64,
}

impl Shared {
    fn new(users: Option<auth::Users>) -> Self {
        let clock = SystemClock::new();
        Self {
            started: clock.now(),
            clock,
            paths: Arc::default(),
            memory: relay::Memory::default(),
            users: users.map(Arc::new),
            ids: AtomicU64::new(1),
            connections: Connections::default(),
        }
    }

    /// A number that nothing else in this server has.
    fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Relaxed)
    }
}
