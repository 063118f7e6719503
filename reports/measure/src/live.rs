//! The figures of a run as it goes, for programs that watch it: which there are, and what they are called.
//!
//! Where a report is written again and again until it is right, what was scraped cannot be taken back. So that no counter
//! ever decreases,
//!
//! * frames are counted once their bucket is [final](crate::ledger::FINAL_AFTER), 2 s after they were seen or missed;
//! * freezes are counted once they are over; one that goes on shows in the age of the picture, and is counted when the
//!   run ends;
//! * latencies with an unknown difference of two clocks in them are in no histogram, though `run.json` has them as long as
//!   there are no others.
//!
//! When a run has ended, its last metrics say what `run.json` says.
//!
//! Like everywhere, the warm-up counts nowhere, and what does not exist is absent, never 0.

use std::time::Duration;

use common::time::WallTime;
use metrics::Buckets;

use crate::ledger::Counts;
use crate::stages::{Latencies, PerStage};

/// Upper bounds of the latency's buckets, µs: 1 ms to 10 s, each at most twice the one before, so that a quantile
/// interpolated in them is off by less than that.
pub(crate) const LATENCY_BOUNDS_US: &[i64] = &[
    1_000, 2_000, 3_000, 4_000, 5_000, 7_500, 10_000, 15_000, 20_000, 25_000, 30_000, 40_000, 50_000, 75_000, 100_000,
    150_000, 200_000, 300_000, 400_000, 500_000, 750_000, 1_000_000, 1_500_000, 2_000_000, 3_000_000, 5_000_000,
    10_000_000,
];

/// Upper bounds of the stages' buckets, µs: some stages take tens of µs.
pub(crate) const STAGE_BOUNDS_US: &[i64] = &[
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

/// One stream at one moment.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// What it plays, without user info.
    pub url: String,
    /// When the receiver began to connect.
    pub started: WallTime,
    /// When these were taken.
    pub at: WallTime,
    /// From the start to the first picture.
    pub first_picture: Option<Duration>,
    /// Times the stream was lost, those of the warm-up included.
    pub disconnects: u64,
    /// What was counted; `None` during the warm-up.
    pub totals: Option<Totals>,
    /// The current state; `None` when the run is over, or during the warm-up.
    pub gauges: Option<Gauges>,
}

/// What was counted since the warm-up ended.
#[derive(Clone, Debug)]
pub struct Totals {
    /// When it ended.
    pub since: WallTime,
    /// Frames whose bucket is final; `None` where no code was read yet.
    pub frames: Option<Counts>,
    /// Times the publisher started over; `None` where no code was read yet.
    pub restarts: Option<u64>,
    /// Pictures shown, repetitions left out.
    pub pictures: u64,
    /// Bytes of access units; `None` where the input is not compressed.
    pub bytes: Option<u64>,
    /// Times without a new picture.
    pub freezes: u64,
    /// How long they lasted.
    pub frozen: Duration,
    /// Latency, in total and by stage.
    pub latencies: LatencyBuckets,
}

/// The current state.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gauges {
    /// Age of the picture on screen, µs.
    pub age_us: Option<i64>,
    /// Pictures per second, over the last one; `None` before the second picture.
    pub fps: Option<f64>,
    /// Bytes of compressed video in the newest whole second.
    pub bytes_per_second: Option<f64>,
    /// Receiver's clock − publisher's clock, µs; 0 on the same host.
    pub offset_us: Option<i64>,
    /// The bound of that, ± µs; 0 on the same host.
    pub bound_us: Option<i64>,
}

/// A stream's metrics with its name.
#[derive(Clone, Debug)]
pub struct Named {
    /// The stream's short name.
    pub stream: String,
    /// How it is played: `tcp`, `udp` or `pipe`.
    pub transport: &'static str,
    /// Its metrics.
    pub metrics: Metrics,
}

/// Latency in total and by stage, as programs scrape it.
pub type LatencyBuckets = Latencies<Buckets>;

impl Default for LatencyBuckets {
    fn default() -> Self {
        Self { total: Buckets::new(LATENCY_BOUNDS_US), stages: PerStage::new(|_| Buckets::new(STAGE_BOUNDS_US)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_ascend_and_are_not_far_apart() {
        for (bounds, most) in [(LATENCY_BOUNDS_US, 2.0), (STAGE_BOUNDS_US, 2.5)] {
            for pair in bounds.windows(2) {
                assert!(pair[0] < pair[1] && pair[1] as f64 <= most * pair[0] as f64, "{pair:?}");
            }
        }
        assert_eq!((LATENCY_BOUNDS_US[0], LATENCY_BOUNDS_US.last()), (1_000, Some(&10_000_000)));
    }
}
