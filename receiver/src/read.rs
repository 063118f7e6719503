//! Reading the stamp: the corner code from the picture, and the publisher's times from the SEI beside it.

use std::collections::VecDeque;

use common::code::{Payload, Reader, Rect};
use common::frame::{CaptureClock, Luma, PublisherTimes};
use common::media::EncodedFrame;
use common::sei::{Origin, Reference, Stamp};
use measure::stamps::Sei;

/// SEI stamps that are remembered for a picture that waits for its turn: x264 puts 16 B-frames between two others at most, and as
/// many pictures may wait.
const REMEMBERED: usize = 32;

/// A capture time that is further before PUB than this is not believed: 10 s, twice what the slowest camera takes for a
/// picture and a driver's few buffers of it.
const MAX_CAPTURE_AGE_US: i64 = 10_000_000;

/// What a picture says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// What its corner code says.
    pub(crate) payload: Payload,
    /// The publisher's times, where the SEI of this very frame arrived and agrees with the code.
    pub(crate) publisher: Option<PublisherTimes>,
    /// Who published it, where the SEI of this very frame arrived and agrees with the code.
    pub(crate) origin: Option<Origin>,
    /// A clock that the publisher has compared its own with, by the same SEI.
    pub(crate) reference: Option<Reference>,
    /// What the code covers, in the picture's own samples.
    pub(crate) code: Option<Rect>,
    /// What came with the picture beside its code.
    pub(crate) sei: Sei,
    /// Where the capture time is from, by that SEI; `None` without one.
    pub(crate) capture_clock: CaptureClock,
}

/// Reads the stamps of one stream.
#[derive(Debug, Default)]
pub(crate) struct StampReader {
    code: Reader,
    recent: VecDeque<Stamp>,
    /// Whether the newest access unit had an SEI; `None` if there are none.
    beside: Option<bool>,
}

impl StampReader {
    /// Takes the stamp out of an encoded frame, if it carries one. Call it before the frame's picture is read.
    pub(crate) fn frame(&mut self, frame: &EncodedFrame) {
        let stamp = frame.codec.find_stamp(&frame.data);
        self.beside = Some(stamp.is_some());
        if let Some(stamp) = stamp {
            self.recent.truncate(REMEMBERED - 1);
            self.recent.push_front(stamp);
        }
    }

    /// Reads a picture; `None` if its code cannot be read.
    pub(crate) fn picture(&mut self, luma: Luma<'_>) -> Option<Reading> {
        let payload = self.code.read(luma)?;
        let same_frame = |s: &&Stamp| (s.stream_id, s.sequence) == (payload.stream_id, payload.sequence);
        let stamp = self.recent.iter().find(same_frame);
        let sei = match (stamp, self.beside) {
            (Some(stamp), _) => Sei::SameFrame { difference_us: stamp.times.stamp.micros_since(payload.time) },
            (None, Some(true)) => Sei::OtherFrame,
            (None, Some(false)) => Sei::Missing,
            (None, None) => Sei::NoPlace,
        };
        let stamp = stamp.filter(|_| !sei.contradicts());
        let (times, capture_clock) = stamp.map_or((None, CaptureClock::None), |stamp| {
            let (times, clock) = believed(stamp);
            (Some(times), clock)
        });
        let origin = stamp.map(|stamp| stamp.origin);
        let reference = stamp.and_then(|stamp| stamp.reference);
        let code = self.code.bounds();
        Some(Reading { payload, publisher: times, origin, reference, code, sei, capture_clock })
    }
}

/// The publisher's times without a capture time that cannot be: one after PUB, or long before it.
fn believed(stamp: &Stamp) -> (PublisherTimes, CaptureClock) {
    let age = stamp.times.captured.map(|captured| stamp.times.stamp.micros_since(captured));
    match age {
        Some(age) if !(0..=MAX_CAPTURE_AGE_US).contains(&age) => {
            (PublisherTimes { captured: None, ..stamp.times }, CaptureClock::Implausible)
        }
        _ => (stamp.times, stamp.capture_clock),
    }
}

#[cfg(test)]
mod tests {
    use common::code::{Corner, Painter};
    use common::frame::{Picture, Size};
    use common::h264::sei_nal;
    use common::media::Codec;
    use common::sei;
    use common::time::{MediaTime, WallTime};

    use super::*;

    const ORIGIN: Origin = Origin { host: 7, run: 8 };
    const START_CODE: [u8; 4] = [0, 0, 0, 1];
    const SIZE: Size = Size::new(320, 240);
    const CODE: Option<Rect> = Some(Rect { x: 16, y: 16, width: 96, height: 32 });

    fn payload(sequence: u32) -> Payload {
        Payload { stream_id: 9, sequence, time: WallTime::from_micros(1_700_000_000_000_000 + i64::from(sequence)) }
    }

    fn picture(payload: &Payload) -> Picture {
        let mut picture = Picture::black(SIZE);
        Painter::new(picture.size(), Corner::TopLeft).expect("large enough").paint(&mut picture, payload);
        picture
    }

    fn times(stamp: WallTime) -> PublisherTimes {
        PublisherTimes { captured: None, stamp, painted: stamp, encoded: stamp.offset(500), sent: stamp.offset(700) }
    }

    /// What is read of a picture that comes alone.
    fn bare(sequence: u32) -> Reading {
        let (payload, sei, capture_clock) = (payload(sequence), Sei::NoPlace, CaptureClock::None);
        Reading { payload, publisher: None, origin: None, reference: None, code: CODE, sei, capture_clock }
    }

    fn frame(payload: &Payload) -> EncodedFrame {
        captured_at(payload, None, CaptureClock::None)
    }

    fn captured_at(payload: &Payload, captured: Option<WallTime>, capture_clock: CaptureClock) -> EncodedFrame {
        let Payload { stream_id, sequence, time } = *payload;
        let (times, reference) = (PublisherTimes { captured, ..times(time) }, None);
        let stamp = Stamp { stream_id, sequence, origin: ORIGIN, times, capture_clock, reference };
        encoded([&START_CODE[..], &sei_nal(&sei::message(&stamp))].concat())
    }

    fn encoded(data: Vec<u8>) -> EncodedFrame {
        EncodedFrame { codec: Codec::H264, data, is_key: true, time: MediaTime::default() }
    }

    #[test]
    fn the_sei_of_the_same_frame_gives_the_publishers_times() {
        let mut reader = StampReader::default();
        reader.frame(&frame(&payload(1)));
        let reading = reader.picture(picture(&payload(1)).luma());
        let publisher = Some(times(payload(1).time));
        let sei = Sei::SameFrame { difference_us: 0 };
        assert_eq!(reading, Some(Reading { publisher, origin: Some(ORIGIN), sei, ..bare(1) }));
    }

    #[test]
    fn a_picture_that_comes_out_late_still_finds_its_sei() {
        let mut reader = StampReader::default();
        (1..=4).for_each(|n| reader.frame(&frame(&payload(n))));
        let reading = reader.picture(picture(&payload(2)).luma()).expect("the code is clean");
        assert_eq!(reading.publisher.map(|times| times.stamp), Some(payload(2).time));
        (5..=40).for_each(|n| reader.frame(&frame(&payload(n))));
        assert!(reader.picture(picture(&payload(2)).luma()).expect("the code is clean").sei.contradicts(), "forgotten");
    }

    #[test]
    fn an_sei_of_another_frame_or_time_is_not_believed() {
        let later = |micros| Payload { time: payload(1).time.offset(micros), ..payload(1) };
        for (other, sei) in [
            (payload(2), Sei::OtherFrame),
            (later(1_001), Sei::SameFrame { difference_us: 1_001 }),
            (later(-3_600_000_000), Sei::SameFrame { difference_us: -3_600_000_000 }),
        ] {
            let mut reader = StampReader::default();
            reader.frame(&frame(&other));
            let reading = reader.picture(picture(&payload(1)).luma());
            assert_eq!(reading, Some(Reading { sei, ..bare(1) }));
            assert!(sei.contradicts());
        }
    }

    #[test]
    fn an_sei_that_is_a_millisecond_off_is_believed() {
        let mut reader = StampReader::default();
        reader.frame(&frame(&Payload { time: payload(1).time.offset(-1_000), ..payload(1) }));
        let reading = reader.picture(picture(&payload(1)).luma()).expect("the code is clean");
        assert_eq!(reading.sei, Sei::SameFrame { difference_us: -1_000 });
        assert_eq!((reading.payload, reading.origin), (payload(1), Some(ORIGIN)));
    }

    #[test]
    fn a_capture_time_that_cannot_be_is_dropped() {
        for (before_pub, believed) in [(0, true), (10_000_000, true), (-1, false), (10_000_001, false)] {
            let mut reader = StampReader::default();
            let captured = payload(1).time.offset(-before_pub);
            reader.frame(&captured_at(&payload(1), Some(captured), CaptureClock::Monotonic));
            let reading = reader.picture(picture(&payload(1)).luma()).expect("the code is clean");
            let times = reading.publisher.expect("its other times are good");
            let expected = if believed { CaptureClock::Monotonic } else { CaptureClock::Implausible };
            assert_eq!(
                (times.captured, reading.capture_clock),
                (believed.then_some(captured), expected),
                "{before_pub}"
            );
        }
    }

    #[test]
    fn a_capture_time_that_the_publisher_dropped_is_passed_on_as_such() {
        let mut reader = StampReader::default();
        reader.frame(&captured_at(&payload(1), None, CaptureClock::Implausible));
        let reading = reader.picture(picture(&payload(1)).luma()).expect("the code is clean");
        assert_eq!(reading.capture_clock, CaptureClock::Implausible);
    }

    #[test]
    fn what_another_access_unit_said_contradicts_nothing() {
        let mut reader = StampReader::default();
        reader.frame(&frame(&payload(1)));
        reader.frame(&encoded(START_CODE.to_vec()));
        assert!(!reader.picture(picture(&payload(2)).luma()).expect("the code is clean").sei.contradicts());
    }

    #[test]
    fn without_an_sei_nothing_is_contradicted() {
        let reading = StampReader::default().picture(picture(&payload(1)).luma());
        assert_eq!(reading, Some(bare(1)));
        let mut reader = StampReader::default();
        reader.frame(&encoded(START_CODE.to_vec()));
        assert_eq!(reader.picture(picture(&payload(1)).luma()), Some(Reading { sei: Sei::Missing, ..bare(1) }));
        assert_eq!(StampReader::default().picture(Picture::black(SIZE).luma()), None);
    }
}
