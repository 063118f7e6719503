//! Samples for tests, of this crate and of those above it: a stream that is stamped and shown at given milliseconds.

#![allow(dead_code, reason = "each crate takes what it needs")]

use std::time::Duration;

use common::marks::{Mark, Marks};
use common::time::{MonoTime, Now, WallTime};
use measure::sample::{Correction, SEQUENCE_MODULUS, Sample};

/// Wall time of monotonic zero: 2023-11-14T22:13:20Z.
pub const EPOCH_US: i64 = 1_700_000_000_000_000;

/// Monotonic time `ms` ms after the start.
pub fn at(ms: u64) -> MonoTime {
    MonoTime::from_origin(Duration::from_millis(ms))
}

/// Wall time `ms` ms after the start.
pub fn wall(ms: u64) -> WallTime {
    WallTime::from_micros(EPOCH_US + ms as i64 * 1_000)
}

/// Both clocks `ms` ms after the start.
pub fn now(ms: u64) -> Now {
    Now { wall: wall(ms), mono: at(ms) }
}

/// Frame `sequence` (taken modulo 2²⁴), stamped and shown at these ms. All of its way but 2 ms is the network's.
pub fn sample(sequence: u64, stamped: u64, shown: u64) -> Sample {
    let (stamp, presented) = (wall(stamped), wall(shown));
    let marks = Marks::new(stamp, presented)
        .with(Mark::Painted, stamp.offset(50))
        .with(Mark::Encoded, stamp.offset(1_000))
        .with(Mark::Sent, stamp.offset(1_020))
        .with(Mark::Received, presented.offset(-980))
        .with(Mark::Assembled, presented.offset(-900))
        .with(Mark::Decoded, presented.offset(-60))
        .with(Mark::Read, presented.offset(-40));
    Sample {
        stream_id: 1,
        sequence: (sequence % u64::from(SEQUENCE_MODULUS)) as u32,
        run: Some(1),
        marks,
        presented: at(shown),
        correction: Correction::None,
        shown: true,
        bytes: 4_000,
        idr: sequence.is_multiple_of(30),
    }
}
