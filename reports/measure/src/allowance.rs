//! How many lost frames a report lists one by one.
//!
//! Sending a frame costs its sender something; skipping a sequence number costs nothing, yet each would be a row. So the number
//! of rows for lost frames grows with time only, faster than any camera sends, and a stream cannot fill a disk by not sending.

use common::time::MonoTime;

/// Rows that may be spent at any time: 34 s of a stream of 120 pictures per second.
pub const AT_ONCE: u64 = 4_096;

/// Rows that may be spent for each second: twice the frame rate of a fast camera (120 frames/s), or some 5 kB.
pub const PER_SECOND: u64 = 240;

/// Counts the rows of lost frames.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowance {
    begun: Option<MonoTime>,
    spent: u64,
}

impl Allowance {
    /// Spends up to `wanted` rows at `now`, and returns how many were left to spend. Time counts from the first call.
    pub fn take(&mut self, wanted: u64, now: MonoTime) -> u64 {
        let time = now.saturating_since(*self.begun.get_or_insert(now));
        let earned = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).saturating_mul(PER_SECOND) / 1_000;
        let granted = wanted.min(AT_ONCE.saturating_add(earned).saturating_sub(self.spent));
        self.spent += granted;
        granted
    }
}
