//! Extends 24-bit sequence numbers across wraps, and detects where the publisher started over.

use std::time::Duration;

use common::time::{MonoTime, WallTime};

use crate::publishers::Break;
use crate::sample::{SEQUENCE_MODULUS, Sample};

/// No publisher sends more frames in a second; a jump ahead by more than this in the time that passed is a restart.
const MAX_FRAMES_PER_SECOND: u64 = 1_000;

/// A jump ahead by up to this many frames is a gap, however little time passed: a publisher's clock may step back.
const GAP_SLACK: u64 = 1_000;

/// The publisher's clock may run ahead of the receiver's time by this much before a jump ahead is disbelieved.
const CLOCK_SLACK: Duration = Duration::from_secs(10);

/// So many readings in a row from before the window are a publisher that started over with its clock set back (or a
/// recording played again), not stragglers.
const STALE_READINGS_OF_A_RESTART: u32 = 8;

/// The newest reading, and how far the numbers have been counted.
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    stream_id: u8,
    /// The publisher's run; `None` before any is known.
    run: Option<u32>,
    /// The highest sequence number read, counted on over wraps.
    head: u64,
    head_stamp: WallTime,
    head_seen: MonoTime,
    stale: u32,
}

/// Where a reading stands to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Later than all before.
    Ahead {
        /// The sequence number, counted on over wraps.
        sequence: u64,
        /// Numbers between the newest reading before and this one.
        gap: Gap,
    },
    /// The newest number again, or an older one, counted on over wraps; `None` below number 0.
    Behind(Option<u64>),
    /// The publisher started over.
    Restart,
}

/// Numbers that were not read, between two that were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// How many.
    pub(crate) missing: u64,
    /// When the number before them was shown.
    since: MonoTime,
    /// How long after it the number behind them was due, µs.
    length_us: u64,
}

impl Gap {
    /// How many of them were due at `at` or later. Frames are stamped at equal intervals between their neighbours, and each would have
    /// been as long on its way as the one before the gap; none would have come after the one behind it.
    pub(crate) fn due_from(&self, at: MonoTime) -> u64 {
        let before_us = at.saturating_since(self.since).as_micros();
        let intervals = u128::from(self.missing) + 1;
        // Frame k of the gap is due at since + k · length / intervals.
        let early = match u128::from(self.length_us) {
            0 if before_us == 0 => 0,
            0 => u128::from(self.missing),
            length => (before_us * intervals).div_ceil(length).saturating_sub(1),
        };
        self.missing.saturating_sub(u64::try_from(early).unwrap_or(u64::MAX))
    }
}

impl Counter {
    /// Starts at a first reading.
    pub(crate) fn new(first: &Sample) -> Self {
        Self {
            stream_id: first.stream_id,
            run: first.run,
            head: u64::from(first.sequence),
            head_stamp: first.marks.stamped(),
            head_seen: first.presented,
            stale: 0,
        }
    }

    /// The newest reading.
    pub(crate) fn last(&self) -> Break {
        let sequence = (self.head % u64::from(SEQUENCE_MODULUS)) as u32;
        Break { stream_id: self.stream_id, run: self.run, sequence }
    }

    /// The highest sequence number read.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Finds the place of a reading, and moves the head where it is ahead.
    pub(crate) fn place(&mut self, sample: &Sample) -> Place {
        let other_run = self.run.zip(sample.run).is_some_and(|(before, now)| before != now);
        if sample.stream_id != self.stream_id || other_run {
            return Place::Restart;
        }
        let same_run = self.run.is_some() && self.run == sample.run;
        self.run = self.run.or(sample.run);
        let modulus = u64::from(SEQUENCE_MODULUS);
        let ahead = (u64::from(sample.sequence) + modulus - self.head % modulus) % modulus;
        if ahead == 0 || ahead >= modulus / 2 {
            let back = (modulus - ahead) % modulus;
            return self.behind(sample, back, same_run);
        }
        if ahead - 1 > self.plausible_gap(sample) {
            return Place::Restart;
        }
        let gap = self.gap_before(sample, ahead - 1);
        self.head += ahead;
        self.head_stamp = sample.marks.stamped();
        self.head_seen = sample.presented;
        self.stale = 0;
        Place::Ahead { sequence: self.head, gap }
    }

    /// The gap of `missing` numbers between the newest reading and this one, which is later.
    fn gap_before(&self, sample: &Sample, missing: u64) -> Gap {
        let micros = |passed: Duration| u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        let shown = micros(sample.presented.saturating_since(self.head_seen));
        let stamped = u64::try_from(sample.marks.stamped().micros_since(self.head_stamp)).unwrap_or(0);
        // A clock that was set back says nothing.
        let length_us = if stamped == 0 { shown } else { stamped.min(shown) };
        Gap { missing, since: self.head_seen, length_us }
    }

    /// A number that goes back while PUB goes forward is a publisher that started over. Not in the same run: there it is
    /// a late frame from before the publisher's clock was set back.
    fn behind(&self, sample: &Sample, back: u64, same_run: bool) -> Place {
        if sample.marks.stamped() > self.head_stamp && !same_run {
            return Place::Restart;
        }
        Place::Behind(self.head.checked_sub(back))
    }

    /// Frames that can have been sent between the newest reading and this one.
    fn plausible_gap(&self, sample: &Sample) -> u64 {
        let sent = u64::try_from(sample.marks.stamped().micros_since(self.head_stamp)).unwrap_or(0);
        let passed = sample.presented.saturating_since(self.head_seen) + CLOCK_SLACK;
        let micros = sent.min(u64::try_from(passed.as_micros()).unwrap_or(u64::MAX));
        GAP_SLACK + micros.saturating_mul(MAX_FRAMES_PER_SECOND) / 1_000_000
    }

    /// Says that the last reading was from before the window. True where so many in a row were that the publisher
    /// must have started over.
    pub(crate) fn stale_means_restart(&mut self) -> bool {
        self.stale += 1;
        self.stale >= STALE_READINGS_OF_A_RESTART
    }

    /// Says that the last reading was inside the window.
    pub(crate) fn fresh(&mut self) {
        self.stale = 0;
    }
}
