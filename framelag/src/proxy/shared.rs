//! What the threads of a proxy have in common.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::host::SystemClock;
use common::impair::{Conditions, Counts};

use super::piece::Watcher;

/// Connections, or client addresses, at most at a time; more are refused, and counted.
pub const MAX_CONNECTIONS: usize = 256;

/// Bytes under way in one direction of a TCP connection at most; the proxy does not read more. That is 134 Mbit/s with
/// a delay of half a second.
pub const MAX_STREAM_BYTES: usize = 8 << 20;

/// A client address of which nothing is heard for so long, from either side, is forgotten.
pub const IDLE_LIMIT: Duration = Duration::from_secs(120);

/// What happens to what passes through.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// From the client to the server.
    pub forward: Conditions,
    /// From the server to the client.
    pub back: Conditions,
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server.
    Forward,
    /// From the server to the client.
    Back,
}

/// What the threads of a proxy have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: SystemClock,
    pub(super) seed: u64,
    pub(super) network: Mutex<Network>,
    /// Counts changes of the network.
    pub(super) version: AtomicU64,
    pub(super) watchers: [Watcher; 2],
    pub(super) counts: Mutex<[Counts; 2]>,
    pub(super) opened: AtomicU64,
    pub(super) refused: AtomicU64,
}

impl Shared {
    pub(super) fn new(network: Network, seed: u64) -> Self {
        Self {
            clock: SystemClock::new(),
            seed,
            network: Mutex::new(network),
            version: AtomicU64::new(0),
            watchers: Default::default(),
            counts: Mutex::default(),
            opened: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// The seed of a direction of the connection with this number, from 0: no two are the same.
    pub(super) fn seed_of(&self, connection: u64, direction: Direction) -> u64 {
        self.seed.wrapping_add(connection.wrapping_mul(2)).wrapping_add(direction as u64)
    }

    /// Sees a new connection, or client address, in: its number, or `None` where `open` are too many already.
    pub(super) fn admit(&self, open: usize, client: SocketAddr) -> Option<u64> {
        if open < MAX_CONNECTIONS {
            return Some(self.opened.fetch_add(1, Ordering::Relaxed));
        }
        self.refuse(client, &format_args!("{MAX_CONNECTIONS} are open already"));
        None
    }

    pub(super) fn refuse(&self, client: SocketAddr, why: &dyn std::fmt::Display) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        tracing::warn!("a connection from {client} was refused: {why}");
    }

    /// Adds what `counts` has more than `before`.
    pub(super) fn count(&self, direction: Direction, before: Counts, counts: Counts) {
        let sum = &mut lock(&self.counts)[direction as usize];
        sum.sent += counts.sent - before.sent;
        sum.delivered += counts.delivered - before.delivered;
        sum.lost += counts.lost - before.lost;
        sum.dropped += counts.dropped - before.dropped;
        sum.duplicated += counts.duplicated - before.duplicated;
        sum.reordered += counts.reordered - before.reordered;
    }
}

/// One direction's conditions, looked at again where they may have changed.
#[derive(Debug)]
pub(super) struct Watch {
    direction: Direction,
    version: u64,
}

impl Watch {
    /// The conditions now, and the watch for later ones.
    pub(super) fn new(shared: &Shared, direction: Direction) -> (Conditions, Self) {
        let version = shared.version.load(Ordering::Acquire);
        (Self::of(shared, direction), Self { direction, version })
    }

    /// The conditions, where they are others than the last time.
    pub(super) fn changed(&mut self, shared: &Shared) -> Option<Conditions> {
        let version = shared.version.load(Ordering::Acquire);
        let seen = std::mem::replace(&mut self.version, version);
        (seen != version).then(|| Self::of(shared, self.direction))
    }

    pub(super) fn of(shared: &Shared, direction: Direction) -> Conditions {
        let network = lock(&shared.network);
        match direction {
            Direction::Forward => network.forward.clone(),
            Direction::Back => network.back.clone(),
        }
    }
}

/// What is behind a lock here is whole at any time, even where a thread has panicked.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
