//! The figures of a run as it goes, for programs that watch it: which there are, and what they are called.
//!
//! Where a report is written again and again until it is right, what was scraped cannot be taken back. So that no counter
//! ever decreases,
//!
//! * frames are counted once their bucket is [final](crate::account::SETTLE_AFTER), 2 s after they were seen or missed;
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

use crate::account::Counts;

mod buckets;
mod catalogue;
mod family;

pub use buckets::{Buckets, Latencies};
pub use catalogue::{METRICS, Metric, families};
pub use family::{Family, Kind, Label, Point, Unit, Value, seconds};

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
    /// What is so at the moment; `None` when the run is over, or during the warm-up.
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
    pub latencies: Latencies,
}

/// What is so at the moment.
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

/// A stream's metrics with what tells them from those of others.
#[derive(Clone, Debug)]
pub struct Named {
    /// The stream's short name.
    pub stream: String,
    /// How it is played: `tcp`, `udp` or `pipe`.
    pub transport: &'static str,
    /// Its metrics.
    pub metrics: Metrics,
}

#[cfg(test)]
mod tests;
