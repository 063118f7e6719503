//! Where frames and pictures ended.

use serde::{Deserialize, Serialize};

use crate::ledger::Counts;
use crate::sample::Bucket;

/// How many frames ended in each bucket. All `None` where no code was read after the warm-up: then nobody knows how
/// many were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Frames {
    /// Frames sent: from the first sequence number that was due or read after the warm-up to the last one read, over all starts of the
    /// publisher.
    pub expected: Option<u64>,
    /// Read once, in order.
    pub measured: Option<u64>,
    /// Never arrived.
    pub lost: Option<u64>,
    /// Of those lost, without a row in `frames.csv`.
    pub unlisted: Option<u64>,
    /// Read more than once.
    pub duplicate: Option<u64>,
    /// Read after a later one.
    pub late: Option<u64>,
    /// Shown, but not read.
    pub unreadable: Option<u64>,
    /// Arrived, but not decoded.
    pub undecodable: Option<u64>,
    /// Times the publisher started over.
    pub restarts: Option<u64>,
}

/// Pictures shown after the warm-up, whichever frame they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Pictures {
    /// Pictures shown, repetitions left out.
    pub shown: u64,
    /// Of these, with a code that could not be read.
    pub unreadable: u64,
    /// Access units that gave no picture.
    pub undecodable: u64,
    /// Of these, those that came whole and that nothing lost before them explains: the receiver's own decoder refused them, or
    /// was too slow for them.
    pub refused: u64,
    /// Pictures of a frame that was shown before.
    pub repeated: u64,
    /// Unreadable pictures and undecodable access units beyond the frames that are missing.
    pub unplaced: u64,
    /// Readings too late to count.
    pub stale: u64,
    /// IDR access units.
    pub idr: u64,
}

impl Frames {
    /// From the accounts.
    pub fn new(counts: &Counts, segments: u32) -> Self {
        if segments == 0 {
            return Self::default();
        }
        let of = |bucket| Some(counts.of(bucket));
        Self {
            expected: Some(counts.expected()),
            measured: of(Bucket::Measured),
            lost: of(Bucket::Lost),
            unlisted: Some(counts.unlisted()),
            duplicate: of(Bucket::Duplicate),
            late: of(Bucket::Late),
            unreadable: of(Bucket::Unreadable),
            undecodable: of(Bucket::Undecodable),
            restarts: Some(u64::from(segments) - 1),
        }
    }

    /// Those of a bucket.
    pub const fn of(&self, bucket: Bucket) -> Option<u64> {
        match bucket {
            Bucket::Measured => self.measured,
            Bucket::Lost => self.lost,
            Bucket::Duplicate => self.duplicate,
            Bucket::Late => self.late,
            Bucket::Unreadable => self.unreadable,
            Bucket::Undecodable => self.undecodable,
        }
    }
}
