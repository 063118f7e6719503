//! The frames that wait for their bucket to become final, and what fills the gaps between them.

use std::collections::VecDeque;

use common::time::MonoTime;

use super::Entry;
use crate::sample::{Bucket, Sample};

/// Pictures without a known sequence number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Strays {
    pub(super) unreadable: u64,
    pub(super) undecodable: u64,
    /// Unreadable ones that may belong to a gap nearby.
    pub(super) near: u64,
}

impl Strays {
    /// All of them, of either kind.
    pub(super) const fn all(self) -> u64 {
        self.unreadable + self.undecodable + self.near
    }
}

/// By how many numbers a gap may be away from what fills it, where that is known no better.
pub(super) const NEAR: u64 = 8;

/// What arrived just before the reading of frame `end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived {
    pub(super) end: u64,
    pub(super) strays: Strays,
}

impl Arrived {
    /// Whether it can fill no gap from `sequence` on.
    pub(super) const fn is_past(&self, sequence: u64) -> bool {
        self.end + NEAR <= sequence
    }
}

/// A frame whose bucket may still change.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) since: MonoTime,
    pub(super) second: u64,
    pub(super) state: State,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    /// Not read; belongs to the gap before frame `end`. Lost, it has a row only where it `is_listed`.
    Missing { end: u64, is_listed: bool },
    /// Read, at first so.
    Read { bucket: Bucket, sample: Sample },
}

impl Slot {
    pub(super) fn entry(&self, segment: u32, sequence: u64, bucket: Bucket) -> Entry<'_> {
        let (sample, is_listed) = match &self.state {
            State::Missing { is_listed, .. } => (None, *is_listed || bucket != Bucket::Lost),
            State::Read { sample, .. } => (Some(sample), true),
        };
        Entry { segment, sequence, frames: 1, is_listed, bucket, second: self.second, sample }
    }
}

/// The bucket of a slot; a missing one takes from what arrived in its gap, or else near it. Slots are visited in order.
pub(super) fn fill(state: &State, gaps: &mut VecDeque<Arrived>) -> Bucket {
    let end = match state {
        State::Read { bucket, .. } => return *bucket,
        State::Missing { end, .. } => *end,
    };
    if let Some(gap) = gaps.iter_mut().find(|gap| gap.end == end) {
        if gap.strays.undecodable > 0 {
            gap.strays.undecodable -= 1;
            return Bucket::Undecodable;
        }
        if gap.strays.unreadable > 0 {
            gap.strays.unreadable -= 1;
            return Bucket::Unreadable;
        }
    }
    // The oldest first: it is the first to be past.
    let Some(gap) = gaps.iter_mut().find(|gap| gap.strays.near > 0 && gap.end.abs_diff(end) <= NEAR) else {
        return Bucket::Lost;
    };
    gap.strays.near -= 1;
    Bucket::Unreadable
}
