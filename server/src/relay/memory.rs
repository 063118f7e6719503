//! What connections and subscribers hold together, and whose gives way where it gets too much.

mod books;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};

use common::lock::lock;
use common::peer::owner;

use books::{Books, Signal};

/// A change of less is not told to the books: what goes straight through costs nothing, and a queue that grows comes there
/// once in many packets.
const STEP: usize = 8 << 10;

/// The bytes that connections hold, overheads included. A packet that waits for several readers counts for each of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    books: Mutex<Books>,
    last_id: AtomicU64,
}

/// What one connection holds.
#[derive(Debug)]
pub(crate) struct Account {
    memory: Memory,
    id: u64,
    told: Arc<Signal>,
}

/// A part of what a connection holds; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    account: Arc<Account>,
    /// What the books count of it.
    counted: usize,
}

impl Memory {
    /// The account of a connection from `peer`, or of a subscriber in this process, which holds nothing yet.
    pub(crate) fn open(&self, peer: IpAddr) -> Arc<Account> {
        let (id, told) = (self.0.last_id.fetch_add(1, Relaxed), Arc::<Signal>::default());
        self.lock().open(id, owner(peer), told.clone());
        Arc::new(Account { memory: self.clone(), id, told })
    }

    /// Bytes held.
    pub(crate) fn held(&self) -> usize {
        self.lock().held()
    }

    /// How often a connection was told to give way.
    pub(crate) fn times_short(&self) -> u64 {
        self.lock().times_short()
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        lock(&self.0.books)
    }
}

impl Account {
    /// A part of it.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share { account: self.clone(), counted: 0 }
    }

    /// Waits until the connection has to give way: to let go of all that it can, and to say so by [`Account::gave_way`]. May be
    /// dropped at any time.
    pub(crate) async fn told(&self) {
        self.told.wake.notified().await;
    }

    /// The connection holds no more than it has to. `false` where that is so much that it has to go.
    pub(crate) fn gave_way(&self) -> bool {
        self.memory.lock().gave_way(self.id)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.memory.lock().close(self.id);
    }
}

impl Share {
    /// Counts this part with `held` bytes.
    pub(crate) fn update(&mut self, held: usize) {
        if held.abs_diff(self.counted) >= STEP {
            self.count(held);
        }
    }

    /// Whether the connection was told to give way, and has not yet: it gets no more to hold.
    pub(crate) fn gives_way(&self) -> bool {
        self.account.told.gives_way.load(Relaxed)
    }

    fn count(&mut self, held: usize) {
        self.account.memory.lock().change(self.account.id, self.counted, held);
        self.counted = held;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.count(0);
    }
}

#[cfg(test)]
mod tests;
