//! Timestamps of the newest frames by sequence number, for a receiver whose browser sees pictures but no SEI.

use std::collections::VecDeque;

use common::code::SEQUENCE_MODULUS;
use common::sei::{Origin, Stamp};
use common::served::ServedFrame;
use common::time::WallTime;

/// Most frames remembered: 17 s at 60 fps.
const FRAMES_MAX: usize = 1_024;

/// A frame and the number of its segment.
#[derive(Clone, Copy, Debug)]
struct Entry {
    frame: ServedFrame,
    segment: u64,
}

/// The newest frames' marks.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    origin: Origin,
    /// Oldest first.
    frames: VecDeque<Entry>,
}

/// Position of a frame in the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    /// Number of its segment.
    pub(super) segment: u64,
    /// Whether every fragment so far belongs to a complete part.
    pub(super) all_in_parts: bool,
}

impl Marks {
    /// Adds a frame with this stamp that arrived at `arrived` and is available at `now`.
    pub(super) fn push(&mut self, stamp: &Stamp, arrived: WallTime, placed: Placed, now: WallTime) {
        if stamp.origin != self.origin {
            // A restarted publisher numbers its frames anew.
            *self = Self { origin: stamp.origin, ..Self::default() };
        }
        if self.frames.len() >= FRAMES_MAX {
            self.frames.pop_front();
        }
        self.frames.push_back(Entry { frame: ServedFrame::new(stamp, arrived, now), segment: placed.segment });
        let now = now.as_micros();
        for Entry { frame, segment } in self.frames.iter_mut().rev() {
            let is_before = *segment != placed.segment;
            if is_before && frame.segment_us.is_some() {
                break;
            }
            frame.part_us = frame.part_us.or((is_before || placed.all_in_parts).then_some(now));
            frame.segment_us = frame.segment_us.or(is_before.then_some(now));
        }
    }

    /// Returns the origin of the stamps, or [`Origin::default`] before the first frame.
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// Returns the frames from `sequence` on, modulo [`SEQUENCE_MODULUS`], or all frames if `None`.
    pub(crate) fn from(&self, sequence: Option<u32>) -> Vec<ServedFrame> {
        let is_later = |frame: &ServedFrame| {
            sequence.is_none_or(|from| {
                let ahead = (i64::from(frame.sequence) - i64::from(from)).rem_euclid(i64::from(SEQUENCE_MODULUS));
                ahead < i64::from(SEQUENCE_MODULUS) / 2
            })
        };
        self.frames.iter().map(|entry| entry.frame).filter(is_later).collect()
    }
}

#[cfg(test)]
mod tests {
    use common::frame::{CaptureClock, PublisherTimes};

    use super::*;

    fn t(ms: i64) -> WallTime {
        WallTime::from_micros(1_000 * ms)
    }

    fn stamp(sequence: u32, run: u32, ms: i64) -> Stamp {
        Stamp {
            stream_id: 1,
            sequence,
            origin: Origin { host: 7, run },
            times: PublisherTimes { captured: None, stamp: t(ms), painted: t(ms), encoded: t(ms + 2), sent: t(ms + 3) },
            capture_clock: CaptureClock::None,
            reference: None,
        }
    }

    /// Frames 40 ms apart, numbered from `first`: two per part, four per segment.
    fn marks(first: u32, count: u32) -> Marks {
        let mut marks = Marks::default();
        for i in 0..count {
            let (at, sequence) = (40 * i64::from(i), (first + i) % SEQUENCE_MODULUS);
            let placed = Placed { segment: u64::from(i / 4), all_in_parts: i % 2 == 1 };
            marks.push(&stamp(sequence, 1, at), t(at + 4), placed, t(at + 5));
        }
        marks
    }

    #[test]
    fn a_frame_can_be_had_with_its_fragment_its_part_and_its_segment() {
        let frames = marks(0, 6).from(None);
        let available = |at: usize| (frames[at].fragment_us, frames[at].part_us, frames[at].segment_us);
        assert_eq!(available(0), (5_000, Some(45_000), Some(165_000)));
        assert_eq!(available(3), (125_000, Some(125_000), Some(165_000)));
        assert_eq!(available(5), (205_000, Some(205_000), None));
        assert_eq!(marks(0, 5).from(Some(4))[0].part_us, None, "its part is open");
    }

    #[test]
    fn frames_are_found_by_number_also_where_it_wraps() {
        let marks = marks(SEQUENCE_MODULUS - 2, 5);
        let from = |sequence| marks.from(Some(sequence)).iter().map(|frame| frame.sequence).collect::<Vec<_>>();
        assert_eq!(from(SEQUENCE_MODULUS - 1), [SEQUENCE_MODULUS - 1, 0, 1, 2]);
        assert_eq!(from(2), [2]);
        assert!(from(3).is_empty());
    }

    #[test]
    fn they_do_not_pile_up_and_another_publisher_begins_anew() {
        let mut marks = marks(0, 3 * FRAMES_MAX as u32);
        assert_eq!((marks.frames.len(), marks.frames[0].frame.sequence), (FRAMES_MAX, 2 * FRAMES_MAX as u32));
        marks.push(&stamp(0, 2, 0), t(0), Placed { segment: 9, all_in_parts: true }, t(0));
        assert_eq!(marks.from(None).len(), 1);
    }
}
