//! What a ledger says of the run so far.

use super::slot::fill;
use super::{Counts, Entry, Ledger};

impl Ledger {
    /// Hands out the frames that are not final, with the buckets they have so far.
    pub fn pending(&self, visit: &mut impl FnMut(Entry<'_>)) {
        let mut gaps = self.gaps.clone();
        for (sequence, slot) in (self.base..).zip(&self.window) {
            while gaps.front().is_some_and(|gap| gap.is_past(sequence)) {
                gaps.pop_front();
            }
            let bucket = fill(&slot.state, &mut gaps);
            visit(slot.entry(self.segment, sequence, bucket));
        }
    }

    /// The frames whose bucket is final.
    pub fn finalized(&self) -> Counts {
        self.finalized
    }

    /// Every frame's bucket as it is now, final or not.
    pub fn counts(&self) -> Counts {
        let mut counts = self.finalized;
        self.pending(&mut |entry| counts.add(&entry));
        counts
    }

    /// The second of the oldest frame that is not final.
    pub fn oldest_second(&self) -> Option<u64> {
        self.window.front().map(|slot| slot.second)
    }

    /// Ranges of sequence numbers that count: one, and one more for each restart after the warm-up.
    pub fn segments(&self) -> u32 {
        self.counted_segments
    }

    /// Pictures and access units that fill no gap: before the first reading, after the last, or beside one.
    pub fn unplaced(&self) -> u64 {
        self.unplaced + self.strays.all()
    }

    /// Whether two publishers count in this one stream.
    pub fn has_two_publishers(&self) -> bool {
        self.publishers.are_two()
    }

    /// Readings of frames that were final already.
    pub fn stale(&self) -> u64 {
        self.stale
    }
}
