//! What framelag's server reports about the frames of a join. Pure.

use std::collections::BTreeMap;

use common::code::SEQUENCE_MODULUS;
use common::marks::{Mark, Marks};
use common::served::{ServedFrame, ServedFrames};
use common::time::WallTime;
use measure::Clocks;
use measure::stamps::MAX_DIFFERENCE_US;

use super::args::Via;
use super::protocol::PageCode;

/// Frames requested from before the oldest pending one: pages report frames out of order.
const BEFORE: u32 = 32;

/// The frames in the server's latest answer.
#[derive(Clone, Debug)]
pub(super) struct Served {
    /// The kind of pieces that are loaded, if known.
    via: Option<Via>,
    /// Whether the server reads this host's clock.
    is_here: bool,
    frames: BTreeMap<u32, ServedFrame>,
}

/// Returns whose clock stamps the pictures, according to the server, seen from host `here`.
pub(super) fn clocks(answer: &ServedFrames, here: u32) -> Clocks {
    match answer.publisher_host {
        0 => Clocks::Unknown,
        host if host == here => Clocks::Same,
        _ => Clocks::Different,
    }
}

/// Returns the number to request from; `oldest` is the number of the oldest pending frame.
pub(super) fn ask_from(oldest: u32) -> u32 {
    (oldest % SEQUENCE_MODULUS + SEQUENCE_MODULUS - BEFORE) % SEQUENCE_MODULUS
}

impl Served {
    /// Takes an answer on host `here`.
    pub(super) fn new(via: Option<Via>, answer: ServedFrames, here: u32) -> Self {
        let frames = answer.frames.into_iter().map(|frame| (frame.sequence, frame)).collect();
        Self { via, is_here: answer.server_host == here && here != 0, frames }
    }

    /// Returns the server's marks for the frame with this code.
    pub(super) fn find(&self, code: &PageCode) -> Option<&ServedFrame> {
        let is_same = |frame: &&ServedFrame| {
            frame.stream == code.stream && frame.stamped_us.abs_diff(code.pub_us) <= MAX_DIFFERENCE_US.unsigned_abs()
        };
        self.frames.get(&code.sequence).filter(is_same)
    }

    /// When the newest frame was stamped, in µs; `None` without frames.
    pub(super) fn newest_us(&self) -> Option<i64> {
        self.frames.values().map(|frame| frame.stamped_us).max()
    }

    /// Adds the server's marks of `frame` to `marks`.
    pub(super) fn add(&self, marks: Marks, frame: &ServedFrame) -> Marks {
        let at = WallTime::from_micros;
        let available = self.via.filter(|_| self.is_here).map(|via| {
            let whole = match via {
                Via::LlHls => frame.part_us,
                Via::Hls => frame.segment_us,
                Via::Dash | Via::Mse => None,
            };
            // A player receives whatever an open part or segment contains so far.
            at(whole.unwrap_or(frame.fragment_us))
        });
        marks.with_publisher(&frame.publisher_times()).with(Mark::Available, available)
    }
}
