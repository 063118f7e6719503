//! What a ledger gives out: frames with their buckets, their counts, and what each reading was.

use crate::sample::{Bucket, Sample};

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
    /// Of a frame that is final: counts nowhere.
    Stale,
}
