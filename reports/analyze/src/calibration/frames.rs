//! The frames of a calibration, and the blocks of delays in which they came.

use measure::units::ms;
use serde::Serialize;

use super::spread::{Sorted, Spread};

/// The fewest frames of a row with a p99.
pub const MIN_FRAMES: u64 = 100;

/// A delay that the proxy was asked to add.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct InjectedDelay {
    /// Added to every packet, ms.
    pub delay_ms: f64,
    /// Up to this much more, uniformly distributed, ms.
    pub jitter_ms: f64,
}

/// One frame on the one clock that all processes of a calibration share: µs since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// In which block it passed the proxy, counted from 0.
    pub block: usize,
    /// The source began to hand over the last byte of its picture.
    pub handed_us: i64,
    /// PUB, by the receiver's report.
    pub stamp_us: i64,
    /// The publisher was about to write it, by the receiver's report.
    pub sent_us: i64,
    /// The proxy had read its last byte.
    pub in_us: i64,
    /// The proxy began to write its first byte.
    pub first_out_us: i64,
    /// The proxy began to write its last byte.
    pub last_out_us: i64,
    /// Its first packet came, by the receiver's report.
    pub received_us: i64,
    /// It was presented, by the receiver's report.
    pub presented_us: i64,
}

impl Frame {
    /// The receiver's time from PUB to `received`, minus the rig's time from hand-over to the proxy's write. Both include the
    /// injected delay.
    pub const fn error_us(&self) -> i64 {
        (self.received_us - self.stamp_us) - (self.first_out_us - self.handed_us)
    }
}

/// One injected delay: the frames of all its blocks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The delay that the proxy was asked to add.
    #[serde(rename = "asked")]
    pub delay: InjectedDelay,
    /// Blocks with that delay.
    pub blocks: u64,
    /// The delay added by the proxy: from reading a frame's last byte to writing it.
    pub injected_ms: Option<Spread>,
    /// The receiver's time from PUB to `received`.
    pub measured_ms: Option<Spread>,
    /// The absolute error of each frame of that.
    pub error_ms: Option<Spread>,
    /// The median of the errors with their signs.
    pub bias_ms: Option<f64>,
    /// The whole path, as a report has it: present − PUB.
    pub whole_path_ms: Option<Spread>,
}

impl Row {
    /// From the frames of the `blocks` blocks with this delay. Too few frames give no error.
    pub(super) fn new(delay: InjectedDelay, blocks: u64, frames: &[&Frame]) -> Self {
        let spread = |of: &dyn Fn(&Frame) -> i64| Spread::of(frames.iter().map(|frame| ms(of(frame))).collect());
        let enough = frames.len() as u64 >= MIN_FRAMES;
        Self {
            delay,
            blocks,
            injected_ms: spread(&|frame| frame.last_out_us - frame.in_us),
            measured_ms: spread(&|frame| frame.received_us - frame.stamp_us),
            error_ms: spread(&|frame| frame.error_us().abs()).filter(|_| enough),
            bias_ms: Sorted::of(frames.iter().map(|frame| frame.error_us())).quantile(0.5).filter(|_| enough),
            whole_path_ms: spread(&|frame| frame.presented_us - frame.stamp_us),
        }
    }

    /// How many frames it has.
    pub fn frames(&self) -> u64 {
        self.measured_ms.map_or(0, |ms| ms.count)
    }
}
