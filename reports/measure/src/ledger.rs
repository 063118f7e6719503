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
//!   frame of a gap gets which of these is not known, only their numbers are. Pictures that find no gap are *unplaced*.
//!
//! A sequence number that goes backwards while PUB goes forward, jumps further ahead than frames can have been sent
//! in the time, or comes with another stream id or the SEI of another run, is a publisher that **started over**: a new segment begins, and the
//! ranges add up.
//!
//! The numbers are the stream's to choose, and so is the length of a gap; the rows of a report are not. Lost frames have a row each
//! within an [`Allowance`] that grows with time. Those beyond it are [counted](Counts::unlisted), and have none.
//!
//! Late and repeated frames are waited for: a frame is *settled* [`SETTLE_AFTER`] it was first seen or missed, or when
//! `MAX_WINDOW` newer ones wait. Later readings of it are *stale*: counted apart, in no bucket and no statistic.

use std::collections::VecDeque;
use std::time::Duration;

use common::time::MonoTime;

use crate::allowance::Allowance;
use crate::publishers::Publishers;
use crate::sample::{Bucket, Sample};
use crate::sequence::{Counter, Gap, Place};

/// How long a frame's bucket can change.
pub const SETTLE_AFTER: Duration = Duration::from_secs(2);

/// Frames that are kept unsettled at most.
pub(crate) const MAX_WINDOW: usize = 4_096;

/// How many frames ended in each bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    buckets: [u64; Bucket::ALL.len()],
    unlisted: u64,
}

impl Counts {
    /// Frames in `bucket`.
    pub const fn of(&self, bucket: Bucket) -> u64 {
        self.buckets[bucket as usize]
    }

    /// Lost frames without a row of their own.
    pub const fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// The frames of an entry more.
    pub fn add(&mut self, entry: &Entry<'_>) {
        self.buckets[entry.bucket as usize] += entry.frames;
        self.unlisted += if entry.is_listed { 0 } else { entry.frames };
    }

    /// Frames that were sent: all buckets together.
    pub fn expected(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Frames whose code was read.
    pub fn read(&self) -> u64 {
        self.of(Bucket::Measured) + self.of(Bucket::Duplicate) + self.of(Bucket::Late)
    }
}

/// A frame with its bucket; or many, lost, that have no rows.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Which start of the publisher: 0, then one more after each restart.
    pub segment: u32,
    /// The sequence number, counted on over wraps; the first one of many.
    pub sequence: u64,
    /// How many frames it stands for.
    pub frames: u64,
    /// It has a row in the report.
    pub is_listed: bool,
    /// Where the frame ended.
    pub bucket: Bucket,
    /// The second of the run in which it was first seen or missed.
    pub second: u64,
    /// Its first reading, where there is one.
    pub sample: Option<&'a Sample>,
}

/// What a reading turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The first of its frame, in order or late: its latency counts.
    First,
    /// One of the warm-up, or of a frame before the first that counts: it counts nowhere.
    WarmUp,
    /// The same frame again: its first reading counts.
    Again,
    /// Of a frame that is settled: counts nowhere.
    Stale,
}

/// Pictures of which it is not known which frame they were.
#[derive(Clone, Copy, Debug, Default)]
struct Strays {
    unreadable: u64,
    undecodable: u64,
}

/// What arrived in a gap: the one before frame `end`.
#[derive(Clone, Copy, Debug)]
struct Arrived {
    end: u64,
    strays: Strays,
}

#[derive(Clone, Debug)]
struct Slot {
    since: MonoTime,
    second: u64,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// Not read; belongs to the gap before frame `end`. Lost, it has a row only where it `is_listed`.
    Missing { end: u64, is_listed: bool },
    /// Read, at first so.
    Read { bucket: Bucket, sample: Sample },
}

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
    settled: Counts,
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

    /// Takes a reading in second `second` of the run. Frames that settle by it go to `settle`.
    pub fn read(&mut self, sample: &Sample, second: u64, settle: &mut impl FnMut(Entry<'_>)) -> Reading {
        let Some(counter) = &mut self.counter else {
            return self.start(sample, second, settle);
        };
        let last = counter.last();
        let place = counter.place(sample);
        if matches!(place, Place::Restart | Place::Ahead { gap: Gap { missing: 1.., .. }, .. }) {
            self.publishers.broke(last);
        }
        match place {
            Place::Restart => self.restart(sample, second, settle),
            Place::Ahead { sequence, gap } => {
                let Some(open) = self.open else { return Reading::WarmUp };
                let missing = if self.counted_segments == 0 { gap.due_from(open) } else { gap.missing };
                if self.counted_segments == 0 {
                    self.begin(sequence - missing);
                }
                self.miss(sequence, missing, sample.presented, second, settle);
                self.append(sample, second, settle);
                Reading::First
            }
            Place::Behind { sequence } => self.behind(Some(sequence), sample, second, settle),
            Place::Before => self.behind(None, sample, second, settle),
        }
    }

    /// A picture without a readable code.
    pub fn unreadable(&mut self) {
        self.strays.unreadable += u64::from(self.open.is_some());
    }

    /// An access unit without a picture.
    pub fn undecodable(&mut self) {
        self.strays.undecodable += u64::from(self.open.is_some());
    }

    /// Settles what has waited long enough at `now`.
    pub fn settle(&mut self, now: MonoTime, settle: &mut impl FnMut(Entry<'_>)) {
        while self.window.front().is_some_and(|slot| now.saturating_since(slot.since) >= SETTLE_AFTER) {
            self.settle_front(settle);
        }
    }

    /// Hands out the frames that are not settled, with the buckets they have so far.
    pub fn unsettled(&self, visit: &mut impl FnMut(Entry<'_>)) {
        let mut gaps = self.gaps.clone();
        for (sequence, slot) in (self.base..).zip(&self.window) {
            while gaps.front().is_some_and(|gap| gap.end <= sequence) {
                gaps.pop_front();
            }
            let bucket = fill(&slot.state, &mut gaps);
            visit(slot.entry(self.segment, sequence, bucket));
        }
    }

    /// The frames whose bucket is final.
    pub fn settled(&self) -> Counts {
        self.settled
    }

    /// Every frame's bucket as it is now, settled or not.
    pub fn counts(&self) -> Counts {
        let mut counts = self.settled;
        self.unsettled(&mut |entry| counts.add(&entry));
        counts
    }

    /// Settles everything: no more readings will come.
    pub fn close(&mut self, settle: &mut impl FnMut(Entry<'_>)) {
        while !self.window.is_empty() {
            self.settle_front(settle);
        }
        self.drop_strays();
    }

    /// The second of the oldest frame that is not settled.
    pub fn oldest_second(&self) -> Option<u64> {
        self.window.front().map(|slot| slot.second)
    }

    /// Ranges of sequence numbers that count: one, and one more for each restart after the warm-up.
    pub fn segments(&self) -> u32 {
        self.counted_segments
    }

    /// Pictures and access units that fill no gap: before the first reading, after the last, or beside one.
    pub fn unplaced(&self) -> u64 {
        self.unplaced + self.strays.unreadable + self.strays.undecodable
    }

    /// Whether two publishers count in this one stream.
    pub fn has_two_publishers(&self) -> bool {
        self.publishers.are_two()
    }

    /// Readings of frames that were settled already.
    pub fn stale(&self) -> u64 {
        self.stale
    }

    fn start(&mut self, sample: &Sample, second: u64, settle: &mut impl FnMut(Entry<'_>)) -> Reading {
        let counter = Counter::new(sample);
        let head = counter.head();
        self.counter = Some(counter);
        if self.open.is_none() {
            return Reading::WarmUp;
        }
        self.drop_strays();
        self.begin(head);
        self.append(sample, second, settle);
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

    fn restart(&mut self, sample: &Sample, second: u64, settle: &mut impl FnMut(Entry<'_>)) -> Reading {
        self.publishers.restarted(sample);
        while !self.window.is_empty() {
            self.settle_front(settle);
        }
        self.gaps.clear();
        self.segment += u32::from(self.counted_segments > 0);
        self.start(sample, second, settle)
    }

    /// Puts the numbers before `end` down as missing.
    fn miss(&mut self, end: u64, missing: u64, since: MonoTime, second: u64, settle: &mut impl FnMut(Entry<'_>)) {
        if missing == 0 {
            self.drop_strays();
            return;
        }
        let strays = std::mem::take(&mut self.strays);
        let arrived = strays.unreadable + strays.undecodable;
        if arrived > 0 {
            self.gaps.push_back(Arrived { end, strays });
        }
        let listed = arrived.min(missing) + self.allowance.take(missing.saturating_sub(arrived), since);
        let slot = |at| Slot { since, second, state: State::Missing { end, is_listed: at < listed } };
        // The window has room for the end of the gap alone. What comes before it settles at once: none is walked that has no row.
        let early = missing.saturating_sub(MAX_WINDOW as u64);
        (0..early.min(listed)).for_each(|at| self.push(slot(at), settle));
        if early > listed {
            self.skip(early - listed, second, settle);
        }
        (early..missing).for_each(|at| self.push(slot(at), settle));
    }

    /// Settles the next `frames` numbers, and all before them, as lost without rows.
    fn skip(&mut self, frames: u64, second: u64, settle: &mut impl FnMut(Entry<'_>)) {
        while !self.window.is_empty() {
            self.settle_front(settle);
        }
        let (segment, sequence, bucket) = (self.segment, self.base, Bucket::Lost);
        let entry = Entry { segment, sequence, frames, is_listed: false, bucket, second, sample: None };
        self.base += frames;
        self.settled.add(&entry);
        settle(entry);
    }

    fn append(&mut self, sample: &Sample, second: u64, settle: &mut impl FnMut(Entry<'_>)) {
        let state = State::Read { bucket: Bucket::Measured, sample: *sample };
        self.push(Slot { since: sample.presented, second, state }, settle);
    }

    fn push(&mut self, slot: Slot, settle: &mut impl FnMut(Entry<'_>)) {
        self.window.push_back(slot);
        while self.window.len() > MAX_WINDOW {
            self.settle_front(settle);
        }
    }

    /// A reading of the newest frame again, or of an older one; `None` where that lies before number 0.
    fn behind(
        &mut self,
        sequence: Option<u64>,
        sample: &Sample,
        second: u64,
        settle: &mut impl FnMut(Entry<'_>),
    ) -> Reading {
        let at = sequence.and_then(|sequence| sequence.checked_sub(self.base)).and_then(|at| usize::try_from(at).ok());
        let Some(slot) = at.and_then(|at| self.window.get_mut(at)) else {
            return self.outside(sequence, sample, second, settle);
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
        settle: &mut impl FnMut(Entry<'_>),
    ) -> Reading {
        // The newest frame held on screen for long is no sign of a restart.
        let held = self.counter.as_ref().is_some_and(|counter| Some(counter.head()) == sequence);
        if !held && self.counter.as_mut().is_some_and(Counter::stale_means_restart) {
            return self.restart(sample, second, settle);
        }
        let is_before_the_first = self.segment == 0 && sequence.is_none_or(|sequence| sequence < self.first);
        if self.counted_segments == 0 || is_before_the_first {
            return Reading::WarmUp;
        }
        self.stale += 1;
        Reading::Stale
    }

    fn settle_front(&mut self, settle: &mut impl FnMut(Entry<'_>)) {
        let Some(slot) = self.window.pop_front() else { return };
        let sequence = self.base;
        self.base += 1;
        let bucket = fill(&slot.state, &mut self.gaps);
        while let Some(gap) = self.gaps.front().filter(|gap| gap.end <= sequence) {
            self.unplaced += gap.strays.unreadable + gap.strays.undecodable;
            self.gaps.pop_front();
        }
        let entry = slot.entry(self.segment, sequence, bucket);
        self.settled.add(&entry);
        settle(entry);
    }

    fn drop_strays(&mut self) {
        let strays = std::mem::take(&mut self.strays);
        self.unplaced += strays.unreadable + strays.undecodable;
    }
}

impl Slot {
    fn entry(&self, segment: u32, sequence: u64, bucket: Bucket) -> Entry<'_> {
        let (sample, is_listed) = match &self.state {
            State::Missing { is_listed, .. } => (None, *is_listed || bucket != Bucket::Lost),
            State::Read { sample, .. } => (Some(sample), true),
        };
        Entry { segment, sequence, frames: 1, is_listed, bucket, second: self.second, sample }
    }
}

/// The bucket of a slot; a missing one takes from what arrived in its gap. Slots are visited in order.
fn fill(state: &State, gaps: &mut VecDeque<Arrived>) -> Bucket {
    let end = match state {
        State::Read { bucket, .. } => return *bucket,
        State::Missing { end, .. } => *end,
    };
    let Some(gap) = gaps.iter_mut().find(|gap| gap.end == end) else {
        return Bucket::Lost;
    };
    if gap.strays.undecodable > 0 {
        gap.strays.undecodable -= 1;
        Bucket::Undecodable
    } else if gap.strays.unreadable > 0 {
        gap.strays.unreadable -= 1;
        Bucket::Unreadable
    } else {
        Bucket::Lost
    }
}

#[cfg(test)]
mod tests;
