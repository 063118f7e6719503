//! Descriptors as connections hold them: a [`Lease`] each, given back when it is dropped.

mod ledger;

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use common::clock::Clock;
use common::host::SystemClock;
use common::host::descriptors;
use common::lock::lock;
use common::rtsp::serve::Full;
use tokio::sync::Notify;

use ledger::Ledger;
pub(crate) use ledger::{DESCRIPTORS_MAX, Limits, Listener, Priority};

/// Connections that were told to go and may still be there while others come in.
const LEAVING_MAX: usize = 4;
/// How long is waited for them at most.
const LEAVING_LIMIT: Duration = Duration::from_millis(200);

/// See the module.
pub(crate) struct Budget {
    clock: SystemClock,
    inner: Mutex<Inner>,
    freed: Notify,
}

struct Inner {
    ledger: Ledger,
    /// How to tell a connection to go.
    leases: HashMap<u64, Arc<Notify>>,
    last_id: u64,
    /// Connections that were told to go, ever.
    evicted: u64,
}

impl Budget {
    /// Shares out what this process may have, after raising that as far as is allowed and useful.
    pub(crate) fn of_process(clock: SystemClock) -> Self {
        let limit = descriptors::raise(2 * DESCRIPTORS_MAX);
        let limits = Limits::of(limit, descriptors::open());
        tracing::debug!(limit, total = limits.total(), "descriptors for connections");
        Self::new(clock, limits)
    }

    pub(crate) fn new(clock: SystemClock, limits: Limits) -> Self {
        let inner = Inner { ledger: Ledger::new(limits), leases: HashMap::new(), last_id: 0, evicted: 0 };
        Self { clock, inner: Mutex::new(inner), freed: Notify::new() }
    }

    /// Lets a connection from `peer` in, or not. Who has to go for it is told so, and mostly gone on return.
    ///
    /// # Errors
    /// Where nobody is there who would have to go.
    pub(crate) async fn admit(self: &Arc<Self>, peer: IpAddr, listener: Listener) -> Result<Lease, Full> {
        let lease = {
            let mut inner = self.lock();
            inner.last_id += 1;
            let id = inner.last_id;
            let now = self.clock.now().mono;
            let evicted = inner.ledger.admit(now, id, peer, listener)?;
            inner.tell(&evicted);
            let told = Arc::new(Notify::new());
            inner.leases.insert(id, told.clone());
            Lease { id, budget: self.clone(), told }
        };
        // Descriptors are free only once connections have let go of them.
        let enough_left = async {
            loop {
                // Listens before it looks, so that it misses nobody who leaves in between.
                let mut freed = pin!(self.freed.notified());
                freed.as_mut().enable();
                if self.lock().ledger.leaving() <= LEAVING_MAX {
                    return;
                }
                freed.await;
            }
        };
        let _ = tokio::time::timeout(LEAVING_LIMIT, enough_left).await;
        Ok(lease)
    }

    /// The system has no descriptors left, whatever the books say: the idle connection missed least goes.
    pub(crate) fn relieve(&self) {
        let mut inner = self.lock();
        let evicted = inner.ledger.relieve();
        inner.tell(evicted.as_slice());
    }

    /// Descriptors held by connections.
    pub(crate) fn used(&self) -> usize {
        self.lock().ledger.used()
    }

    /// Connections that had to go for others so far.
    pub(crate) fn evicted(&self) -> u64 {
        self.lock().evicted
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

impl Inner {
    fn tell(&mut self, evicted: &[u64]) {
        self.evicted += evicted.len() as u64;
        for told in evicted.iter().filter_map(|id| self.leases.get(id)) {
            told.notify_one();
        }
    }
}

/// One connection's descriptors.
pub(crate) struct Lease {
    id: u64,
    budget: Arc<Budget>,
    told: Arc<Notify>,
}

impl Lease {
    /// Waits until the connection has to go. May be dropped at any time.
    pub(crate) async fn evicted(&self) {
        self.told.notified().await;
    }

    /// The connection has asked something: it is not silent.
    pub(crate) fn touch(&self) {
        self.budget.lock().ledger.touch(self.budget.clock.now().mono, self.id);
    }

    /// The connection is worth more or less from now on.
    pub(crate) fn set_priority(&self, priority: Priority) {
        self.budget.lock().ledger.set_priority(self.budget.clock.now().mono, self.id, priority);
    }

    /// Whether the connection may go on to play or to publish; `returning` where its path was live a short time ago.
    ///
    /// # Errors
    /// Where it was let in only to say what it wants.
    pub(crate) fn confirm(&self, returning: bool) -> Result<(), Full> {
        let mut inner = self.budget.lock();
        let evicted = inner.ledger.confirm(self.id, returning)?;
        inner.tell(&evicted);
        Ok(())
    }

    /// Takes `more` descriptors.
    ///
    /// # Errors
    /// Where they are not to be had.
    pub(crate) fn claim(&self, more: usize) -> Result<(), Full> {
        let mut inner = self.budget.lock();
        let evicted = inner.ledger.claim(self.id, more)?;
        inner.tell(&evicted);
        Ok(())
    }

    /// Gives `fewer` descriptors back.
    pub(crate) fn unclaim(&self, fewer: usize) {
        self.budget.lock().ledger.unclaim(self.id, fewer);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut inner = self.budget.lock();
        inner.ledger.remove(self.id);
        inner.leases.remove(&self.id);
        drop(inner);
        // Both doors may wait.
        self.budget.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::task::{Context, Waker};

    use super::*;

    #[tokio::test]
    async fn whoever_leaves_lets_all_go_on_that_wait_for_it() {
        let limits = Limits::of(16, 0);
        let budget = Arc::new(Budget::new(SystemClock::new(), limits));
        let peer = |last: usize| IpAddr::from([192, 0, 2, u8::try_from(last).expect("few")]);
        let admit = |last| budget.admit(peer(last), Listener::Rtsp);
        let mut old = Vec::new();
        for _ in 0..limits.total() {
            old.push(admit(0).await.ok());
        }
        let mut new = Vec::new();
        for last in 1..=LEAVING_MAX {
            new.push(admit(last).await.ok());
        }
        assert_eq!(budget.evicted(), LEAVING_MAX as u64);
        let (mut one, mut other) = (pin!(admit(LEAVING_MAX + 1)), pin!(admit(LEAVING_MAX + 2)));
        let mut cx = Context::from_waker(Waker::noop());
        let mut both = || [one.as_mut().poll(&mut cx).is_ready(), other.as_mut().poll(&mut cx).is_ready()];
        assert_eq!(both(), [false; 2]);
        drop(old.remove(0));
        assert_eq!(both(), [false; 2], "one is still too many");
        drop(old.remove(0));
        assert_eq!(both(), [true; 2]);
        assert_eq!(budget.evicted(), LEAVING_MAX as u64 + 2);
    }
}
