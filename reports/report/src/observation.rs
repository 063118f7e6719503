//! Everything that a receiver found out about one access unit or bare picture.

use std::time::Duration;

use common::frame::CaptureClock;
use common::time::{MonoTime, Now};
use measure::cost::OwnCost;
use measure::figures::Probes;
use measure::sample::{Clocks, Sample};
use measure::stamps::Sei;

use crate::comparison::Comparison;

/// One access unit or bare picture that reached the receiver.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// What it turned out to be.
    pub content: Content,
    /// When the first packet of its picture came in; `None` where the input has no packets.
    pub received: Option<MonoTime>,
    /// What measuring it cost; `None` for a step that it did not take.
    pub cost: OwnCost<Option<Duration>>,
    /// The times that came beside its corner code; `None` where none was read.
    pub stamps: Option<StampCheck>,
    /// What is known of the clocks of publisher and receiver.
    pub clocks: ClockCheck,
}

/// What an access unit or bare picture turned out to be.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// A picture that was shown and whose code was read.
    Frame(Sample),
    /// A picture whose code could not be read.
    Unreadable {
        /// When it was shown.
        at: Now,
        /// Bytes of its access unit; 0 where the input is not compressed.
        bytes: u32,
        /// Its access unit was an IDR.
        idr: bool,
        /// It is known only roughly between which readings it belongs.
        is_near: bool,
    },
    /// An access unit that gave no picture.
    Undecodable {
        /// When that was found.
        at: Now,
        /// Its bytes.
        bytes: u32,
        /// It came whole, and nothing that was lost explains it: the receiver itself failed to decode it.
        refused: bool,
    },
}

/// The times that came beside a corner code, against the code's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StampCheck {
    /// The SEI message of its access unit.
    pub sei: Sei,
    /// Where the capture time in it is from.
    pub capture_clock: CaptureClock,
    /// The sampling time by the sender report just before it − PUB, µs; `None` where no report came just before it.
    pub sender_report_us: Option<i64>,
}

/// What is known of the clocks of publisher and receiver at one picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClockCheck {
    /// Whether they are one clock or two; `None` where the picture says nothing of that.
    pub clocks: Option<Clocks>,
    /// How far they are apart, where they are two and were compared.
    pub comparison: Option<Comparison>,
    /// What became of probing so far; `None` where no clock is probed.
    pub probes: Option<Probes>,
    /// A step of the probed clock, found since the picture before.
    pub step: Option<ClockStep>,
}

/// The probed clock stepped against the receiver's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockStep {
    /// When that was found: somewhat after the step.
    pub found: Now,
    /// By so much, µs.
    pub by_us: i64,
}

impl Observation {
    /// A picture about which nothing else is known.
    pub fn new(content: Content) -> Self {
        Self { content, received: None, cost: OwnCost::default(), stamps: None, clocks: ClockCheck::default() }
    }

    /// A picture whose code was read.
    pub fn frame(sample: Sample) -> Self {
        Self::new(Content::Frame(sample))
    }

    /// A picture of an access unit of `bytes`, shown at `at`, whose code could not be read.
    pub fn unreadable(at: Now, bytes: u32, idr: bool) -> Self {
        Self::new(Content::Unreadable { at, bytes, idr, is_near: false })
    }

    /// A picture that a browser presented at `at` and that was not read; `is_near` if it is known only roughly between which
    /// readings it belongs.
    pub fn unread(at: Now, is_near: bool) -> Self {
        Self::new(Content::Unreadable { at, bytes: 0, idr: false, is_near })
    }

    /// An access unit of `bytes` that gave no picture.
    pub fn undecodable(at: Now, bytes: u32, refused: bool) -> Self {
        Self::new(Content::Undecodable { at, bytes, refused })
    }
}
