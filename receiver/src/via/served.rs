//! What a server of ours says of the frames of a join. Pure.

use std::collections::BTreeMap;

use common::code::SEQUENCE_MODULUS;
use common::frame::PublisherTimes;
use common::marks::{Mark, Marks};
use common::time::WallTime;
use measure::Clocks;
use measure::stamps::MAX_DIFFERENCE_US;

use super::args::Via;
use super::origin::{Answer, FrameMarks};
use super::protocol::PageCode;

/// Frames before the oldest that waits that are asked for too: pages tell of them in any order.
const BEFORE: u32 = 32;

/// The frames that a server told of last.
#[derive(Clone, Debug)]
pub(super) struct Served {
    via: Via,
    /// It reads this host's clock.
    is_here: bool,
    frames: BTreeMap<u32, FrameMarks>,
}

/// Whose clock stamps, by what the server says, on the host `here`.
pub(super) fn clocks(answer: &Answer, here: u32) -> Clocks {
    match answer.publisher_host {
        0 => Clocks::Unknown,
        host if host == here => Clocks::Same,
        _ => Clocks::Different,
    }
}

/// The number to ask from, where `oldest` is that of the oldest frame that waits.
pub(super) fn ask_from(oldest: u32) -> u32 {
    (oldest % SEQUENCE_MODULUS + SEQUENCE_MODULUS - BEFORE) % SEQUENCE_MODULUS
}

impl Served {
    /// An answer on the host `here`.
    pub(super) fn new(via: Via, answer: Answer, here: u32) -> Self {
        let frames = answer.frames.into_iter().map(|frame| (frame.sequence, frame)).collect();
        Self { via, is_here: answer.server_host == here && here != 0, frames }
    }

    /// What it told of the frame with this code.
    pub(super) fn find(&self, code: &PageCode) -> Option<&FrameMarks> {
        let is_same = |frame: &&FrameMarks| {
            frame.stream == code.stream && frame.stamped_us.abs_diff(code.pub_us) <= MAX_DIFFERENCE_US.unsigned_abs()
        };
        self.frames.get(&code.sequence).filter(is_same)
    }

    /// `marks` with those of `frame`.
    pub(super) fn add(&self, marks: Marks, frame: &FrameMarks) -> Marks {
        let at = WallTime::from_micros;
        let publisher = PublisherTimes {
            captured: frame.captured_us.map(at),
            stamp: at(frame.stamped_us),
            painted: at(frame.painted_us),
            encoded: at(frame.encoded_us),
            sent: at(frame.sent_us),
        };
        let whole = match self.via {
            Via::LlHls => frame.part_us,
            Via::Hls => frame.segment_us,
            Via::Dash | Via::Mse => None,
        };
        // Of a part or segment that is open, a player gets what there is.
        let available = Some(at(whole.unwrap_or(frame.fragment_us))).filter(|_| self.is_here);
        marks.with_publisher(&publisher).with(Mark::Available, available)
    }
}
