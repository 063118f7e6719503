//! Who holds how many descriptors, and who has to go where they run short.
//!
//! Below the total nobody is turned away: many viewers may sit behind one address. At the total, whoever holds most pays:
//! its connections that neither play nor publish go first. Beyond the total lies a reserve, in which a newcomer may say what
//! it wants: `/health`, or to publish again where it did.
//!
//! Every change and every question costs about the logarithm of the number of connections: the books are kept while one
//! connection waits for another.

mod entry;
mod order;

use std::collections::HashMap;
use std::net::IpAddr;

use common::peer::owner;
use common::rtsp::serve::Full;
use common::time::MonoTime;

use entry::Entry;
pub(crate) use entry::{Listener, Priority};
use order::Order;

/// Most descriptors that connections hold, however many the system allows: it bounds the memory of connections as well.
pub(crate) const DESCRIPTORS_MAX: usize = 4_096;
/// Left for everything else that the process opens, at most.
const OTHERS: usize = 64;
/// For RTSP connections beyond the total, at most: who publishes again needs seven over UDP, with
/// sound.
const RTSP_RESERVE: usize = 24;
/// For HTTP connections beyond the total, at most.
const HTTP_RESERVE: usize = 16;

/// How many descriptors there are for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    total: usize,
    rtsp_reserve: usize,
    http_reserve: usize,
}

impl Limits {
    /// Shares out what a process that may have `limit` descriptors has left where `open` of them are in use.
    pub(crate) fn of(limit: usize, open: usize) -> Self {
        let spare = limit.min(DESCRIPTORS_MAX + OTHERS).saturating_sub(open);
        let rtsp_reserve = (spare / 8).min(RTSP_RESERVE);
        let http_reserve = (spare / 8).min(HTTP_RESERVE);
        let total = spare - rtsp_reserve - http_reserve - (spare / 8).min(OTHERS);
        Self { total, rtsp_reserve, http_reserve }
    }

    /// Descriptors that connections may hold.
    pub(crate) fn total(&self) -> usize {
        self.total
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Ledger {
    limits: Limits,
    entries: HashMap<u64, Entry>,
    order: Order,
}

impl Ledger {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, entries: HashMap::new(), order: Order::default() }
    }

    /// Lets connection `id` in, which came from `peer`, or not. Gives those who have to go for it.
    pub(crate) fn admit(&mut self, now: MonoTime, id: u64, peer: IpAddr, listener: Listener) -> Result<Vec<u64>, Full> {
        let owner = owner(peer);
        let (evicted, in_reserve) = match self.make_room(owner, 1, id) {
            Ok(evicted) => (evicted, false),
            Err(Full) => (self.make_room_in_reserve(listener)?, true),
        };
        let entry =
            Entry { owner, listener, held: 1, priority: Priority::Idle, since: now, in_reserve, leaving: false };
        self.order.add(id, &entry);
        self.entries.insert(id, entry);
        Ok(evicted)
    }

    /// Whether `id` may go on to play or publish: where it came in beyond the total, only if there is room meanwhile, or
    /// if it is `returning`, a publisher whose path was live a short time ago.
    pub(crate) fn confirm(&mut self, id: u64, returning: bool) -> Result<Vec<u64>, Full> {
        let Some(&Entry { owner, held, in_reserve: true, .. }) = self.entries.get(&id) else { return Ok(Vec::new()) };
        match self.make_room(owner, held, id) {
            Ok(evicted) => {
                self.change(id, |entry| entry.in_reserve = false);
                Ok(evicted)
            }
            Err(Full) if returning => Ok(Vec::new()),
            Err(Full) => Err(Full),
        }
    }

    /// Gives `id` `more` descriptors besides those it holds.
    pub(crate) fn claim(&mut self, id: u64, more: usize) -> Result<Vec<u64>, Full> {
        let Some(&Entry { owner, listener, in_reserve, leaving: false, .. }) = self.entries.get(&id) else {
            return Err(Full);
        };
        let evicted = if in_reserve {
            let free = self.reserve_of(listener).saturating_sub(self.order.in_reserve(listener));
            if free < more {
                return Err(Full);
            }
            Vec::new()
        } else {
            self.make_room(owner, more, id)?
        };
        self.change(id, |entry| entry.held += more);
        Ok(evicted)
    }

    /// Takes `fewer` descriptors back.
    pub(crate) fn unclaim(&mut self, id: u64, fewer: usize) {
        self.change(id, |entry| entry.held = entry.held.saturating_sub(fewer).max(1));
    }

    /// `id` has asked something.
    pub(crate) fn touch(&mut self, now: MonoTime, id: u64) {
        self.change(id, |entry| {
            if entry.priority == Priority::Idle {
                entry.since = now;
            }
        });
    }

    /// `id` stands otherwise from now on.
    pub(crate) fn set_priority(&mut self, now: MonoTime, id: u64, priority: Priority) {
        self.change(id, |entry| (entry.priority, entry.since) = (priority, now));
    }

    /// `id` is gone.
    pub(crate) fn remove(&mut self, id: u64) {
        if let Some(entry) = self.entries.remove(&id) {
            self.order.remove(id, &entry);
        }
    }

    /// The idle connection that is missed least, which has to go: descriptors ran out where the books said that there
    /// were some.
    pub(crate) fn relieve(&mut self) -> Option<u64> {
        let reserved =
            || [Listener::Rtsp, Listener::Http].into_iter().find_map(|listener| self.idle_in_reserve(listener));
        let victim = self.order.first(Priority::Idle).map(|candidate| candidate.id).or_else(reserved)?;
        self.change(victim, |entry| entry.leaving = true);
        Some(victim)
    }

    /// Connections that were told to go and are still there.
    pub(crate) fn leaving(&self) -> usize {
        self.order.leaving()
    }

    /// Descriptors held by connections that stay.
    pub(crate) fn used(&self) -> usize {
        let reserved = [Listener::Rtsp, Listener::Http].map(|listener| self.order.in_reserve(listener));
        self.order.in_total() + reserved.iter().sum::<usize>()
    }

    /// Each round frees one descriptor at least, of the few that `for_id` costs.
    fn make_room(&mut self, owner: IpAddr, cost: usize, for_id: u64) -> Result<Vec<u64>, Full> {
        let mut evicted = Vec::new();
        // Its part is in its address' already where it comes out of the reserve.
        let holds = self.entries.get(&for_id).is_some_and(|entry| entry.in_reserve);
        while self.order.in_total() + cost > self.limits.total {
            let own = self.order.share(owner) + if holds { 0 } else { cost };
            let Some(victim) = self.victim(owner, own, for_id) else {
                evicted.iter().for_each(|id| self.change(*id, |entry| entry.leaving = false));
                return Err(Full);
            };
            self.change(victim, |entry| entry.leaving = true);
            evicted.push(victim);
        }
        Ok(evicted)
    }

    /// The connection to evict for `for_id`, whose address would hold `own`: by priority, then of the address that holds most.
    fn victim(&self, owner: IpAddr, own: usize, for_id: u64) -> Option<u64> {
        let first = |priority| self.order.first(priority).filter(|candidate| candidate.id != for_id);
        let of_another =
            |priority| first(priority).filter(|candidate| candidate.owner != owner && candidate.share > own);
        let victim = first(Priority::Idle)
            .filter(|candidate| candidate.share >= own)
            .or_else(|| self.order.first_idle_of(owner, for_id))
            .or_else(|| of_another(Priority::Plays))
            .or_else(|| of_another(Priority::Publishes));
        victim.map(|candidate| candidate.id)
    }

    fn make_room_in_reserve(&mut self, listener: Listener) -> Result<Vec<u64>, Full> {
        if self.order.in_reserve(listener) < self.reserve_of(listener) {
            return Ok(Vec::new());
        }
        let victim = self.idle_in_reserve(listener).ok_or(Full)?;
        self.change(victim, |entry| entry.leaving = true);
        Ok(vec![victim])
    }

    fn idle_in_reserve(&self, listener: Listener) -> Option<u64> {
        let entries = self.order.reserved_at(listener).filter_map(|id| Some((id, self.entries.get(&id)?)));
        let idle = entries.filter(|(_, entry)| entry.priority == Priority::Idle);
        idle.max_by_key(|(id, entry)| (self.order.share(entry.owner), entry.turn(*id))).map(|(id, _)| id)
    }

    fn reserve_of(&self, listener: Listener) -> usize {
        match listener {
            Listener::Rtsp => self.limits.rtsp_reserve,
            Listener::Http => self.limits.http_reserve,
        }
    }

    fn change(&mut self, id: u64, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.get_mut(&id) {
            self.order.remove(id, entry);
            change(entry);
            self.order.add(id, entry);
        }
    }
}

#[cfg(test)]
mod tests;
