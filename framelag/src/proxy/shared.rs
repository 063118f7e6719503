//! What the threads of a proxy have in common.

use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use common::clock::Clock;
use common::host::SystemClock;
use common::impair::{Conditions, Counts, Link};
use common::lock::lock;
use common::time::{MonoTime, Now};

/// Most connections, or client addresses, at a time; more are refused, and counted.
pub(super) const MAX_CONNECTIONS: usize = 256;

/// Most bytes under way in one direction of a TCP connection; the proxy does not read more. That is 134 Mbit/s with
/// a delay of half a second.
pub const MAX_STREAM_BYTES: usize = 8 << 20;

/// How long a client address is remembered without a datagram from or to it.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(120);

/// Most chunks that wait for a watcher; what comes meanwhile is not reported.
const MAX_CHUNKS: usize = 1 << 14;

/// What happens to what passes through.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// From the client to the server.
    pub forward: Conditions,
    /// From the server to the client.
    pub back: Conditions,
}

/// One of the two directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the client to the server.
    Forward,
    /// From the server to the client.
    Back,
}

/// What came with one read of a TCP connection: on one host, mostly what was written at once.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Its connection, counted from 0.
    pub connection: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// When it had been read.
    pub read: Now,
    /// When the write began that took its first byte: before, and not after, since a write may wake the reader in the
    /// proxy's place.
    pub begun: Now,
    /// When the write began that took its last byte.
    pub written: Now,
}

/// What the threads of a proxy have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: SystemClock,
    pub(super) seed: u64,
    network: Mutex<Network>,
    /// Changes of `network` so far.
    changes: AtomicU64,
    /// Watchers by direction.
    pub(super) watchers: Mutex<[Option<SyncSender<Chunk>>; 2]>,
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
            changes: AtomicU64::new(0),
            watchers: Mutex::default(),
            counts: Mutex::default(),
            opened: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    pub(super) fn now(&self) -> MonoTime {
        self.clock.now().mono
    }

    pub(super) fn set_network(&self, network: Network) {
        *lock(&self.network) = network;
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// The conditions now, and what notices their changes.
    pub(super) fn conditions(&self, direction: Direction) -> (Conditions, ConditionsWatch) {
        // Before the conditions are read: a change in between is noticed.
        let changes = self.changes.load(Ordering::Acquire);
        (self.current(direction), ConditionsWatch { direction, changes })
    }

    fn current(&self, direction: Direction) -> Conditions {
        let network = lock(&self.network);
        match direction {
            Direction::Forward => network.forward.clone(),
            Direction::Back => network.back.clone(),
        }
    }

    /// See [`super::Proxy::watch`].
    pub(super) fn watch(&self, direction: Direction) -> Receiver<Chunk> {
        let (watcher, chunks) = sync_channel(MAX_CHUNKS);
        lock(&self.watchers)[direction as usize] = Some(watcher);
        chunks
    }

    pub(super) fn is_watched(&self, direction: Direction) -> bool {
        lock(&self.watchers)[direction as usize].is_some()
    }

    pub(super) fn report(&self, direction: Direction, chunk: Chunk) {
        if let Some(watcher) = &lock(&self.watchers)[direction as usize] {
            // A watcher that is too slow, or has gone, does without.
            let _ = watcher.try_send(chunk);
        }
    }

    /// The seed of a direction of the connection with this number, from 0: no two are the same.
    pub(super) fn seed_of(&self, connection: u64, direction: Direction) -> u64 {
        self.seed.wrapping_add(connection.wrapping_mul(2)).wrapping_add(direction as u64)
    }

    /// Admits a new connection, or client address, and numbers it; `None` if too many are `open` already.
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

/// Notices changes of a direction's conditions without taking a lock: it is asked for every datagram.
#[derive(Debug)]
pub(super) struct ConditionsWatch {
    direction: Direction,
    /// Of [`Shared`], when the conditions were read last.
    changes: u64,
}

impl ConditionsWatch {
    /// The conditions, if they have changed since they were read last.
    pub(super) fn changed(&mut self, shared: &Shared) -> Option<Conditions> {
        let changes = shared.changes.load(Ordering::Acquire);
        let known = std::mem::replace(&mut self.changes, changes);
        (known != changes).then(|| shared.current(self.direction))
    }
}

/// Datagrams in one direction, impaired by the conditions of the moment.
#[derive(Debug)]
pub(super) struct ImpairedLink {
    direction: Direction,
    watch: ConditionsWatch,
    link: Link,
}

impl ImpairedLink {
    pub(super) fn new(shared: &Shared, direction: Direction, connection: u64) -> Self {
        let (conditions, watch) = shared.conditions(direction);
        let link = Link::new(conditions, shared.seed_of(connection, direction));
        Self { direction, watch, link }
    }

    pub(super) fn push(&mut self, shared: &Shared, now: MonoTime, datagram: &[u8]) {
        if let Some(conditions) = self.watch.changed(shared) {
            self.link.set_conditions(conditions);
        }
        let before = self.link.counts();
        self.link.handle_packet(now, datagram.to_vec());
        shared.count(self.direction, before, self.link.counts());
    }

    /// When the next datagram is to be delivered.
    pub(super) fn due(&self) -> Option<MonoTime> {
        self.link.poll_timeout()
    }

    /// Sends the next datagram, if it is due by `now`. One that the system does not take is lost, as in any network.
    pub(super) fn deliver_next(&mut self, shared: &Shared, now: MonoTime, send: impl Fn(&[u8]) -> io::Result<usize>) {
        let before = self.link.counts();
        let Some(datagram) = self.link.poll_output(now) else { return };
        // Counted first: whoever has received it finds it counted.
        shared.count(self.direction, before, self.link.counts());
        let _ = send(&datagram);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_again_only_after_a_change() {
        let shared = Shared::new(Network::default(), 1);
        let (conditions, mut watch) = shared.conditions(Direction::Forward);
        assert_eq!(conditions, Conditions::default());
        assert_eq!(watch.changed(&shared), None);
        let slow = Conditions { delay: Duration::from_millis(5), ..Conditions::default() };
        shared.set_network(Network { forward: slow.clone(), ..Network::default() });
        assert_eq!(watch.changed(&shared), Some(slow));
        assert_eq!(watch.changed(&shared), None);
    }

    #[test]
    fn chunks_that_nobody_takes_are_bounded() {
        let (shared, now) = (Shared::new(Network::default(), 1), Now::default());
        assert!(!shared.is_watched(Direction::Back));
        let chunks = shared.watch(Direction::Back);
        assert!(shared.is_watched(Direction::Back) && !shared.is_watched(Direction::Forward));
        for connection in 0..=MAX_CHUNKS as u64 {
            shared
                .report(Direction::Back, Chunk { connection, bytes: Vec::new(), read: now, begun: now, written: now });
        }
        assert_eq!(chunks.try_iter().map(|chunk| chunk.connection).max(), Some(MAX_CHUNKS as u64 - 1));
    }
}
