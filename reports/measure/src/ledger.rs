//! The ledger: gives each frame that was sent exactly one [`Bucket`].
//!
//! *Which frames were sent* is known from the sequence numbers: all up to the last number read,
//! [`SEQUENCE_MODULUS`](crate::sample::SEQUENCE_MODULUS) wraps counted on. The first is the first one read after the warm-up, or where
//! numbers are missing before it, the first of those that were due after the warm-up. *What became of each*:
//!
//! * its code was read in order: **measured**; after that of a later frame: **late**; read again, whatever it was
//!   before: **duplicate**. Each of the three gives one latency, that of the first reading;
//! * it is missing: pictures without a readable code and access units without a picture that arrived between the two
//!   readings around a gap fill the gap, **undecodable** first, then **unreadable**; what is left is **lost**. Which
//!   frame of a gap gets which of these is not known, only their numbers are. Pictures that find no gap are *unplaced*; those
//!   whose place is known roughly take one within a few numbers.
//!
//! A sequence number that goes backwards while PUB goes forward, jumps further ahead than frames can have been sent
//! in the time, or comes with another stream id or the SEI of another run, is a publisher that **started over**: a new segment begins, and the
//! ranges add up.
//!
//! A stream can skip as many numbers as it likes, but must not fill the disk: lost frames have a row each within an
//! [`Allowance`] that grows with time. Those beyond it are only [counted](Counts::unlisted).
//!
//! Late and repeated frames are waited for: a frame is *final* [`FINAL_AFTER`] it was first seen or missed, or when
//! `MAX_WINDOW` newer ones wait. Later readings of it are *stale*: counted apart, in no bucket and no statistic.

use std::collections::VecDeque;
use std::time::Duration;

use common::time::MonoTime;

use crate::allowance::Allowance;
use crate::publishers::Publishers;
use crate::sample::{Bucket, Sample};
use crate::sequence::{Counter, Gap, Place};

mod entry;
mod slot;
mod totals;

pub use entry::{Counts, Entry, Reading};
use slot::{Arrived, Slot, State, Strays, fill};

/// How long a frame's bucket can change.
pub const FINAL_AFTER: Duration = Duration::from_secs(2);

/// Frames that wait to become final at most.
pub(crate) const MAX_WINDOW: usize = 4_096;

/// The accounts of a run. Memory is bounded by `MAX_WINDOW`.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    counter: Option<Counter>,
    /// When the warm-up ended.
    open: Option<MonoTime>,
    /// The first sequence number of segment 0 that counts.
    first: u64,
    segment: u32,
    counted_segments: u32,
    /// The sequence number of the window's first slot.
    base: u64,
    window: VecDeque<Slot>,
    gaps: VecDeque<Arrived>,
    /// Arrived since the newest reading.
    strays: Strays,
    finalized: Counts,
    unplaced: u64,
    stale: u64,
    publishers: Publishers,
    allowance: Allowance,
}

impl Ledger {
    /// Ends the warm-up at `at`: what comes from now on counts.
    pub fn open(&mut self, at: MonoTime) {
        self.open = Some(at);
        self.strays = Strays::default();
    }

    /// Takes a reading in second `second` of the run. Frames that become final by it go to `finalize`.
    pub fn read(&mut self, sample: &Sample, second: u64, finalize: &mut impl FnMut(Entry<'_>)) -> Reading {
        let Some(counter) = &mut self.counter else {
            return self.start(sample, second, finalize);
        };
        let last = counter.last();
        let place = counter.place(sample);
        if matches!(place, Place::Restart | Place::Ahead { gap: Gap { missing: 1.., .. }, .. }) {
            self.publishers.broke(last);
        }
        match place {
            Place::Restart => self.restart(sample, second, finalize),
            Place::Ahead { sequence, gap } => {
                let Some(open) = self.open else { return Reading::WarmUp };
                let missing = if self.counted_segments == 0 { gap.due_from(open) } else { gap.missing };
                if self.counted_segments == 0 {
                    self.begin(sequence - missing);
                }
                self.miss(sequence, missing, sample.presented, second, finalize);
                self.append(sample, second, finalize);
                Reading::First
            }
            Place::Behind(sequence) => self.behind(sequence, sample, second, finalize),
        }
    }

    /// A picture without a readable code.
    pub fn unreadable(&mut self) {
        self.strays.unreadable += u64::from(self.open.is_some());
    }

    /// A picture that was not read, of which it is only known that its gap is near: pixels that a browser hands over may run
    /// ahead of the frame that it reports.
    pub fn unreadable_nearby(&mut self) {
        self.strays.near += u64::from(self.open.is_some());
    }

    /// An access unit without a picture.
    pub fn undecodable(&mut self) {
        self.strays.undecodable += u64::from(self.open.is_some());
    }

    /// Finalizes what has waited long enough at `now`.
    pub fn finalize(&mut self, now: MonoTime, finalize: &mut impl FnMut(Entry<'_>)) {
        while self.window.front().is_some_and(|slot| now.saturating_since(slot.since) >= FINAL_AFTER) {
            self.finalize_front(finalize);
        }
    }

    /// Finalizes everything: no more readings will come.
    pub fn close(&mut self, finalize: &mut impl FnMut(Entry<'_>)) {
        self.finalize_all(finalize);
        self.drop_gaps(|_| true);
        self.drop_strays();
    }

    fn start(&mut self, sample: &Sample, second: u64, finalize: &mut impl FnMut(Entry<'_>)) -> Reading {
        let counter = Counter::new(sample);
        let head = counter.head();
        self.counter = Some(counter);
        if self.open.is_none() {
            return Reading::WarmUp;
        }
        self.drop_strays();
        self.begin(head);
        self.append(sample, second, finalize);
        Reading::First
    }

    /// A range begins at number `first`.
    fn begin(&mut self, first: u64) {
        self.base = first;
        if self.counted_segments == 0 {
            self.first = first;
        }
        self.counted_segments += 1;
    }

    fn restart(&mut self, sample: &Sample, second: u64, finalize: &mut impl FnMut(Entry<'_>)) -> Reading {
        self.publishers.restarted(sample);
        self.finalize_all(finalize);
        self.drop_gaps(|_| true);
        self.segment += u32::from(self.counted_segments > 0);
        self.start(sample, second, finalize)
    }

    /// Records `missing` numbers before `end` as missing.
    fn miss(&mut self, end: u64, missing: u64, since: MonoTime, second: u64, finalize: &mut impl FnMut(Entry<'_>)) {
        let mut strays = std::mem::take(&mut self.strays);
        if missing == 0 {
            self.unplaced += strays.all() - strays.near;
            strays = Strays { near: strays.near, ..Strays::default() };
        }
        let arrived = strays.all();
        if arrived > 0 {
            self.gaps.push_back(Arrived { end, strays });
        }
        let listed = arrived.min(missing) + self.allowance.take(missing.saturating_sub(arrived), since);
        let slot = |at| Slot { since, second, state: State::Missing { end, is_listed: at < listed } };
        // The window has room for the end of the gap alone. What comes before it becomes final at once, and numbers without a row are not walked one by one.
        let early = missing.saturating_sub(MAX_WINDOW as u64);
        (0..early.min(listed)).for_each(|at| self.push(slot(at), finalize));
        if early > listed {
            self.skip(early - listed, second, finalize);
        }
        (early..missing).for_each(|at| self.push(slot(at), finalize));
    }

    /// Finalizes the next `frames` numbers, and all before them, as lost without rows.
    fn skip(&mut self, frames: u64, second: u64, finalize: &mut impl FnMut(Entry<'_>)) {
        self.finalize_all(finalize);
        let (segment, sequence, bucket) = (self.segment, self.base, Bucket::Lost);
        let entry = Entry { segment, sequence, frames, is_listed: false, bucket, second, sample: None };
        self.base += frames;
        self.finalized.add(&entry);
        finalize(entry);
    }

    fn append(&mut self, sample: &Sample, second: u64, finalize: &mut impl FnMut(Entry<'_>)) {
        let state = State::Read { bucket: Bucket::Measured, sample: *sample };
        self.push(Slot { since: sample.presented, second, state }, finalize);
    }

    fn push(&mut self, slot: Slot, finalize: &mut impl FnMut(Entry<'_>)) {
        self.window.push_back(slot);
        while self.window.len() > MAX_WINDOW {
            self.finalize_front(finalize);
        }
    }

    /// A reading of the newest frame again, or of an older one; `None` where that lies before number 0.
    fn behind(
        &mut self,
        sequence: Option<u64>,
        sample: &Sample,
        second: u64,
        finalize: &mut impl FnMut(Entry<'_>),
    ) -> Reading {
        let at = sequence.and_then(|sequence| sequence.checked_sub(self.base)).and_then(|at| usize::try_from(at).ok());
        let Some(slot) = at.and_then(|at| self.window.get_mut(at)) else {
            return self.outside(sequence, sample, second, finalize);
        };
        if let Some(counter) = &mut self.counter {
            counter.fresh();
        }
        match &mut slot.state {
            State::Read { bucket, sample: first } => {
                if first.marks.stamped() != sample.marks.stamped() {
                    self.publishers.returned(sample.presented);
                }
                *bucket = Bucket::Duplicate;
                Reading::Again
            }
            missing @ State::Missing { .. } => {
                *missing = State::Read { bucket: Bucket::Late, sample: *sample };
                Reading::First
            }
        }
    }

    /// A reading from before the window.
    fn outside(
        &mut self,
        sequence: Option<u64>,
        sample: &Sample,
        second: u64,
        finalize: &mut impl FnMut(Entry<'_>),
    ) -> Reading {
        // The newest frame held on screen for long is no sign of a restart.
        let held = self.counter.as_ref().is_some_and(|counter| Some(counter.head()) == sequence);
        if !held && self.counter.as_mut().is_some_and(Counter::stale_means_restart) {
            return self.restart(sample, second, finalize);
        }
        let is_before_the_first = self.segment == 0 && sequence.is_none_or(|sequence| sequence < self.first);
        if self.counted_segments == 0 || is_before_the_first {
            return Reading::WarmUp;
        }
        self.stale += 1;
        Reading::Stale
    }

    fn finalize_all(&mut self, finalize: &mut impl FnMut(Entry<'_>)) {
        while !self.window.is_empty() {
            self.finalize_front(finalize);
        }
    }

    fn finalize_front(&mut self, finalize: &mut impl FnMut(Entry<'_>)) {
        let Some(slot) = self.window.pop_front() else { return };
        let sequence = self.base;
        self.base += 1;
        let bucket = fill(&slot.state, &mut self.gaps);
        self.drop_gaps(|gap| gap.is_past(sequence));
        let entry = slot.entry(self.segment, sequence, bucket);
        self.finalized.add(&entry);
        finalize(entry);
    }

    /// What is left in the oldest gaps is unplaced.
    fn drop_gaps(&mut self, is_done: impl Fn(&Arrived) -> bool) {
        while let Some(gap) = self.gaps.front().filter(|gap| is_done(gap)) {
            self.unplaced += gap.strays.all();
            self.gaps.pop_front();
        }
    }

    fn drop_strays(&mut self) {
        self.unplaced += std::mem::take(&mut self.strays).all();
    }
}

#[cfg(test)]
mod tests;
