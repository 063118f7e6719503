//! Sums over the entries of a ledger, and who has to go first, kept up with every change: no question walks the connections.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::entry::{Entry, Listener, Priority};

/// When a connection has to go, compared with others of its priority: the greatest first. The one that has been silent for
/// longest, or the one that came last where they do something.
pub(super) type Turn = (i128, Reverse<u64>);

/// See the module. Entries that were told to go count nowhere but in [`Order::leaving`].
#[derive(Debug, Default)]
pub(super) struct Order {
    owners: HashMap<IpAddr, Owner>,
    /// For each priority, the first to go of every address, by what the address holds.
    first: [BTreeSet<(usize, Turn, IpAddr)>; Priority::COUNT],
    in_total: usize,
    /// Beyond the total: few, since the reserve is small.
    in_reserve: [BTreeSet<(u64, usize)>; Listener::COUNT],
    leaving: usize,
}

#[derive(Debug, Default)]
struct Owner {
    /// Descriptors, those in the reserve included.
    share: usize,
    connections: usize,
    /// Of the total, by priority.
    turns: [BTreeSet<Turn>; Priority::COUNT],
}

/// A connection that may have to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) id: u64,
    pub(super) owner: IpAddr,
    /// What its address holds.
    pub(super) share: usize,
}

impl Order {
    /// Counts an entry as it is now.
    pub(super) fn add(&mut self, id: u64, entry: &Entry) {
        self.count(id, entry, true);
    }

    /// Takes back what [`Order::add`] counted of it.
    pub(super) fn remove(&mut self, id: u64, entry: &Entry) {
        self.count(id, entry, false);
    }

    /// Who goes first of all that stand like this, of the address that holds most.
    pub(super) fn first(&self, priority: Priority) -> Option<Candidate> {
        let &(share, (_, Reverse(id)), owner) = self.first[priority as usize].last()?;
        Some(Candidate { id, owner, share })
    }

    /// Who goes first of an address' idle ones, `but` one.
    pub(super) fn first_idle_of(&self, owner: IpAddr, but: u64) -> Option<Candidate> {
        let Owner { share, turns, .. } = self.owners.get(&owner)?;
        let ids = turns[Priority::Idle as usize].iter().rev().map(|(_, Reverse(id))| *id);
        ids.filter(|id| *id != but).map(|id| Candidate { id, owner, share: *share }).next()
    }

    /// Connections beyond the total at this listener.
    pub(super) fn reserved_at(&self, listener: Listener) -> impl Iterator<Item = u64> {
        self.in_reserve[listener as usize].iter().map(|(id, _)| *id)
    }

    /// Descriptors held by an address.
    pub(super) fn share(&self, owner: IpAddr) -> usize {
        self.owners.get(&owner).map_or(0, |owner| owner.share)
    }

    /// Descriptors held, those beyond the total left out.
    pub(super) fn in_total(&self) -> usize {
        self.in_total
    }

    /// Descriptors held beyond the total at this listener.
    pub(super) fn in_reserve(&self, listener: Listener) -> usize {
        self.in_reserve[listener as usize].iter().map(|(_, held)| held).sum()
    }

    /// Connections that were told to go.
    pub(super) fn leaving(&self) -> usize {
        self.leaving
    }

    fn count(&mut self, id: u64, entry: &Entry, adds: bool) {
        let Entry { owner: address, listener, held, priority, .. } = *entry;
        if entry.leaving {
            return change(&mut self.leaving, 1, adds);
        }
        let owner = self.owners.entry(address).or_default();
        let rank =
            |owner: &Owner, priority: usize| owner.turns[priority].last().map(|&turn| (owner.share, turn, address));
        for (priority, first) in self.first.iter_mut().enumerate() {
            if let Some(rank) = rank(owner, priority) {
                first.remove(&rank);
            }
        }
        change(&mut owner.share, held, adds);
        change(&mut owner.connections, 1, adds);
        if entry.in_reserve {
            insert(&mut self.in_reserve[listener as usize], (id, held), adds);
        } else {
            change(&mut self.in_total, held, adds);
            insert(&mut owner.turns[priority as usize], entry.turn(id), adds);
        }
        for (priority, first) in self.first.iter_mut().enumerate() {
            first.extend(rank(owner, priority));
        }
        if owner.connections == 0 {
            self.owners.remove(&address);
        }
    }
}

impl Entry {
    pub(super) fn turn(&self, id: u64) -> Turn {
        let micros = i128::try_from(self.since.since_origin().as_micros()).unwrap_or(i128::MAX);
        (if self.priority == Priority::Idle { -micros } else { micros }, Reverse(id))
    }
}

fn change(sum: &mut usize, by: usize, adds: bool) {
    *sum = if adds { *sum + by } else { *sum - by };
}

fn insert<T: Ord>(set: &mut BTreeSet<T>, item: T, adds: bool) {
    let changed = if adds { set.insert(item) } else { set.remove(&item) };
    debug_assert!(changed, "an entry is counted once");
}
