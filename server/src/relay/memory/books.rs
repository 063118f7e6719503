//! Who holds how much. Every change costs about the logarithm of the number of connections.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::sync::Notify;

/// Bytes that all connections may hold: queues, and what was read and waits for its rest. Beyond, the address that holds most
/// gives way: there, the connection that holds most.
pub(super) const TOTAL_MAX: usize = 256 << 20;

/// How to tell a connection to give way.
#[derive(Debug, Default)]
pub(super) struct Signal {
    pub(super) gives_way: AtomicBool,
    pub(super) wake: Notify,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Books {
    accounts: HashMap<u64, Entry>,
    owners: HashMap<IpAddr, Owner>,
    /// Addresses by what they hold.
    by_held: BTreeSet<(usize, IpAddr)>,
    /// What those hold that were not told to give way.
    total: usize,
    /// What the others do.
    giving_way: usize,
    times_short: u64,
}

#[derive(Debug)]
struct Entry {
    owner: IpAddr,
    held: usize,
    told: Arc<Signal>,
    /// What it held when it was told to give way, where it has not yet.
    gives_way: Option<usize>,
}

#[derive(Debug, Default)]
struct Owner {
    held: usize,
    accounts: BTreeSet<(usize, u64)>,
}

impl Books {
    pub(super) fn open(&mut self, id: u64, owner: IpAddr, told: Arc<Signal>) {
        self.accounts.insert(id, Entry { owner, held: 0, told, gives_way: None });
    }

    pub(super) fn close(&mut self, id: u64) {
        self.take_out(id);
        self.accounts.remove(&id);
    }

    /// A part of account `id` holds `held` instead of `before`.
    pub(super) fn change(&mut self, id: u64, before: usize, held: usize) {
        self.take_out(id);
        if let Some(entry) = self.accounts.get_mut(&id) {
            entry.held = entry.held + held - before;
        }
        self.put_in(id);
        self.relieve();
    }

    /// `id` has let go of what it could. Gives whether that was half of it at least.
    pub(super) fn gave_way(&mut self, id: u64) -> bool {
        self.take_out(id);
        let kept_little = self.accounts.get_mut(&id).is_none_or(|entry| {
            entry.told.gives_way.store(false, Relaxed);
            entry.gives_way.take().is_none_or(|before| entry.held <= before / 2)
        });
        self.put_in(id);
        self.relieve();
        kept_little
    }

    pub(super) fn held(&self) -> usize {
        self.total + self.giving_way
    }

    pub(super) fn times_short(&self) -> u64 {
        self.times_short
    }

    /// Has connections give way until the rest is within the total. Each of them held its part of what too much came in.
    fn relieve(&mut self) {
        while self.total > TOTAL_MAX {
            let most = self.by_held.last().and_then(|(_, owner)| self.owners.get(owner)?.accounts.last());
            let Some(&(held, id)) = most else { return };
            self.take_out(id);
            if let Some(entry) = self.accounts.get_mut(&id) {
                entry.gives_way = Some(held);
                entry.told.gives_way.store(true, Relaxed);
                entry.told.wake.notify_one();
            }
            self.put_in(id);
            self.times_short += 1;
        }
    }

    fn take_out(&mut self, id: u64) {
        let Some(Entry { owner: address, held, gives_way, .. }) = self.accounts.get(&id) else { return };
        if gives_way.is_some() {
            self.giving_way -= held;
            return;
        }
        let Some(owner) = self.owners.get_mut(address) else { return };
        self.total -= held;
        self.by_held.remove(&(owner.held, *address));
        owner.held -= held;
        owner.accounts.remove(&(*held, id));
        if owner.accounts.is_empty() {
            self.owners.remove(address);
        } else {
            self.by_held.insert((owner.held, *address));
        }
    }

    /// Accounts that hold nothing are nobody's.
    fn put_in(&mut self, id: u64) {
        let Some(Entry { owner: address, held: held @ 1.., gives_way, .. }) = self.accounts.get(&id) else { return };
        if gives_way.is_some() {
            self.giving_way += held;
            return;
        }
        let owner = self.owners.entry(*address).or_default();
        self.total += held;
        self.by_held.remove(&(owner.held, *address));
        owner.held += held;
        owner.accounts.insert((*held, id));
        self.by_held.insert((owner.held, *address));
    }
}
