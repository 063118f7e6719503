//! The embedded media server: accepts one publisher and many readers per path over RTSP, relays packets unchanged and
//! at once, shows over HTTP what it does, and tells its time over UDP.
//!
//! [`start`] binds the ports, and returns with the server running on threads of its own. Sessions are
//! [`common::rtsp::serve`]'s; this crate has their sockets, the relay between them, and the HTTP side.

mod auth;
mod budget;
mod clock;
mod config;
mod http;
mod live;
mod relay;
mod rtsp;
mod runtime;
mod segment;
mod tally;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::clock::Clock;
use common::host::SystemClock;
use common::lock::lock;
use common::peer::Rates;
use common::time::Now;

pub use auth::AuthFileError;
pub use config::{Config, Error};
pub use http::parse_any as parse_any_http;
pub use live::PATHS_MAX as SETTINGS_PATHS_MAX;
pub use relay::{FrameDrops, Frames};
pub use runtime::{Handle, start};
pub use segment::{PartLength, Preset, SegmentSettings, SettingsChange, SettingsError};
pub use tally::LogLimit;

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
    budget: Arc<budget::Budget>,
    /// Requests that each peer may make on both sides.
    requests: Mutex<Rates>,
    /// Streams watched over HTTP.
    lives: live::Lives,
}

/// Requests that one address may make at once …
const REQUESTS_BURST: f64 = 400.0;
/// … and in a second; those beyond are answered later, not refused: many viewers may sit behind one address.
const REQUESTS_PER_SECOND: f64 = 200.0;
/// A connection that asks no more than this at once, and in a second, never waits, whoever else floods from its address.
const OWN_REQUESTS_BURST: f64 = 10.0;
const OWN_REQUESTS_PER_SECOND: f64 = 5.0;

/// Slows one connection down where it asks too often.
struct Pace {
    peer: IpAddr,
    own: Rates,
}

impl Pace {
    fn new(peer: IpAddr) -> Self {
        Self { peer, own: Rates::new(OWN_REQUESTS_BURST, OWN_REQUESTS_PER_SECOND) }
    }

    /// Counts `count` requests, fractional for cheap ones. Returns how long the connection has to wait.
    fn charge(&mut self, shared: &Shared, count: f64) -> Duration {
        let now = shared.clock.now().mono;
        let of_address = lock(&shared.requests).charge(now, self.peer, count);
        self.own.charge(now, self.peer, count).min(of_address)
    }
}

/// Counts of RTSP connections.
#[derive(Debug, Default)]
struct Connections {
    accepted: AtomicU64,
    refused: AtomicU64,
    open: AtomicU64,
}

impl Shared {
    fn new(users: Option<auth::Users>, config: &Config) -> Self {
        let clock = SystemClock::new();
        let budget = Arc::new(budget::Budget::of_process(clock.clone()));
        let memory = relay::Memory::default();
        Self {
            started: clock.now(),
            lives: live::Lives::new(config.segments, config.paths.clone(), clock.clone(), memory.clone()),
            clock,
            paths: Arc::default(),
            memory,
            users: users.map(Arc::new),
            ids: AtomicU64::new(1),
            connections: Connections::default(),
            budget,
            requests: Mutex::new(Rates::new(REQUESTS_BURST, REQUESTS_PER_SECOND)),
        }
    }

    /// Logs by count what happened in the last `period`.
    fn report(&self, period: Duration) {
        self.users.iter().for_each(|users| users.report(period));
        tally::report();
    }

    /// A number that nothing else in this server has.
    fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Relaxed)
    }
}
