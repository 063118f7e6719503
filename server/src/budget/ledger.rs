//! Who holds how many descriptors, and who has to go where they run short.
//!
//! Below the total nobody is turned away: many viewers may sit behind one address. At the total, whoever holds most pays:
//! its connections that neither play nor publish go first. Beyond the total lies a reserve, in which a newcomer may say what
//! it wants: `/health`, or to publish again where it did.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;

use common::peer::owner;
use common::time::MonoTime;

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

/// Where a connection came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Rtsp,
    Http,
}

/// What a connection is good for; the lesser goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// Neither plays nor publishes.
    Idle,
    Plays,
    Publishes,
}

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// See the module.
#[derive(Debug)]
pub(crate) struct Ledger {
    limits: Limits,
    entries: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    owner: IpAddr,
    door: Door,
    held: usize,
    standing: Standing,
    /// Last request of an idle one; since when the others stand as they do.
    since: MonoTime,
    /// Beyond the total.
    in_reserve: bool,
    /// Was told to go.
    leaving: bool,
}

impl Ledger {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, entries: HashMap::new() }
    }

    /// Lets connection `id` in, which came from `peer`, or not. Gives those who have to go for it.
    pub(crate) fn admit(&mut self, now: MonoTime, id: u64, peer: IpAddr, door: Door) -> Result<Vec<u64>, Full> {
        let owner = owner(peer);
        let (evicted, in_reserve) = match self.make_room(owner, 1, id) {
            Ok(evicted) => (evicted, false),
            Err(Full) => (self.make_room_in_reserve(door)?, true),
        };
        let entry = Entry { owner, door, held: 1, standing: Standing::Idle, since: now, in_reserve, leaving: false };
        self.entries.insert(id, entry);
        Ok(evicted)
    }

    /// Whether `id` may go on to play or publish: where it came in beyond the total, only if there is room meanwhile, or
    /// if it is `returning`, a publisher whose path was live a short time ago.
    pub(crate) fn settle(&mut self, id: u64, returning: bool) -> Result<Vec<u64>, Full> {
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
        let Some(&Entry { owner, door, in_reserve, .. }) = self.entries.get(&id) else { return Err(Full) };
        let evicted = if in_reserve {
            let free = self.reserve_of(door).saturating_sub(self.reserved(door));
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
            if entry.standing == Standing::Idle {
                entry.since = now;
            }
        });
    }

    /// `id` stands otherwise from now on.
    pub(crate) fn stand(&mut self, now: MonoTime, id: u64, standing: Standing) {
        self.change(id, |entry| (entry.standing, entry.since) = (standing, now));
    }

    /// `id` is gone.
    pub(crate) fn remove(&mut self, id: u64) {
        self.entries.remove(&id);
    }

    /// The idle connection that is missed least, which has to go: descriptors ran out where the books said that there
    /// were some.
    pub(crate) fn relieve(&mut self) -> Option<u64> {
        let shares = self.shares();
        let idle = |entry: &Entry| entry.standing == Standing::Idle;
        let victim = self.least(&shares, idle)?;
        self.change(victim, |entry| entry.leaving = true);
        Some(victim)
    }

    /// Connections that were told to go and are still there.
    pub(crate) fn leaving(&self) -> usize {
        self.entries.values().filter(|entry| entry.leaving).count()
    }

    /// Descriptors held by connections that stay.
    pub(crate) fn used(&self) -> usize {
        self.entries.values().filter(|entry| !entry.leaving).map(|entry| entry.held).sum()
    }

    fn make_room(&mut self, owner: IpAddr, cost: usize, for_id: u64) -> Result<Vec<u64>, Full> {
        let mut evicted = Vec::new();
        let in_total = |ledger: &Self| {
            let counts = |(id, entry): &(&u64, &Entry)| !(entry.leaving || entry.in_reserve || **id == for_id);
            let own = ledger.entries.get(&for_id).filter(|entry| !entry.in_reserve).map_or(0, |entry| entry.held);
            own + ledger.entries.iter().filter(counts).map(|(_, entry)| entry.held).sum::<usize>()
        };
        while in_total(self) + cost > self.limits.total {
            let shares = self.shares();
            let own = shares.get(&owner).copied().unwrap_or(0)
                + if self.entries.get(&for_id).is_some_and(|e| e.in_reserve) { 0 } else { cost };
            let goes = |entry: &Entry| {
                let share = shares.get(&entry.owner).copied().unwrap_or(0);
                match entry.standing {
                    Standing::Idle => entry.owner == owner || share >= own,
                    Standing::Plays | Standing::Publishes => entry.owner != owner && share > own,
                }
            };
            let victim = self.least(&shares, |entry| !entry.in_reserve && goes(entry)).filter(|&id| id != for_id);
            let Some(victim) = victim else {
                evicted.iter().for_each(|id| self.change(*id, |entry| entry.leaving = false));
                return Err(Full);
            };
            self.change(victim, |entry| entry.leaving = true);
            evicted.push(victim);
        }
        Ok(evicted)
    }

    fn make_room_in_reserve(&mut self, door: Door) -> Result<Vec<u64>, Full> {
        if self.reserved(door) < self.reserve_of(door) {
            return Ok(Vec::new());
        }
        let shares = self.shares();
        let goes = |entry: &Entry| entry.in_reserve && entry.door == door && entry.standing == Standing::Idle;
        let victim = self.least(&shares, goes).ok_or(Full)?;
        self.change(victim, |entry| entry.leaving = true);
        Ok(vec![victim])
    }

    /// Who goes first among those that may have to: the lesser before the better, of the greatest share, and there the one
    /// that has been silent for longest, or the one that came last where they do something.
    fn least(&self, shares: &HashMap<IpAddr, usize>, may: impl Fn(&Entry) -> bool) -> Option<u64> {
        let candidates = self.entries.iter().filter(|(_, entry)| !entry.leaving && may(entry));
        let key = |(id, entry): &(&u64, &Entry)| {
            let share = shares.get(&entry.owner).copied().unwrap_or(0);
            let micros = i128::try_from(entry.since.since_origin().as_micros()).unwrap_or(i128::MAX);
            let oldest_first = entry.standing == Standing::Idle;
            (Reverse(entry.standing), share, if oldest_first { -micros } else { micros }, Reverse(**id))
        };
        candidates.max_by_key(key).map(|(id, _)| *id)
    }

    fn shares(&self) -> HashMap<IpAddr, usize> {
        let mut shares = HashMap::new();
        for entry in self.entries.values().filter(|entry| !entry.leaving) {
            *shares.entry(entry.owner).or_default() += entry.held;
        }
        shares
    }

    fn reserve_of(&self, door: Door) -> usize {
        match door {
            Door::Rtsp => self.limits.rtsp_reserve,
            Door::Http => self.limits.http_reserve,
        }
    }

    fn reserved(&self, door: Door) -> usize {
        let counts = |entry: &&Entry| entry.in_reserve && entry.door == door && !entry.leaving;
        self.entries.values().filter(counts).map(|entry| entry.held).sum()
    }

    fn change(&mut self, id: u64, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.get_mut(&id) {
            change(entry);
        }
    }
}

#[cfg(test)]
mod tests;
