//! Reading the stamp: the corner code from the picture, and the publisher's times from the SEI beside it.

use std::collections::VecDeque;

use common::code::{Payload, Reader, Rect};
use common::frame::{Luma, PublisherTimes};
use common::sei::{self, Origin, Reference, Stamp};

/// SEI stamps that are remembered for a picture that comes out later than its access unit went in.
const REMEMBERED: usize = 16;

/// What a picture says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What its corner code says.
    pub payload: Payload,
    /// The publisher's times, where the SEI of this very frame arrived and agrees with the code.
    pub publisher: Option<PublisherTimes>,
    /// Who published it, where the SEI of this very frame arrived and agrees with the code.
    pub origin: Option<Origin>,
    /// A clock that the publisher has compared its own with, by the same SEI.
    pub reference: Option<Reference>,
    /// What the code covers, in the picture's own samples.
    pub code: Option<Rect>,
    /// An SEI came with the picture, but it speaks of another frame or another PUB time.
    pub contradicted: bool,
}

/// Reads the stamps of one stream.
#[derive(Debug, Default)]
pub struct StampReader {
    code: Reader,
    recent: VecDeque<Stamp>,
    /// The newest access unit had an SEI.
    beside: bool,
}

impl StampReader {
    /// A reader that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the SEI, where there is one, from an access unit in Annex B form. Call it before the access unit's
    /// picture is read.
    pub fn access_unit(&mut self, annex_b: &[u8]) {
        let stamp = sei::find(annex_b);
        self.beside = stamp.is_some();
        if let Some(stamp) = stamp {
            self.recent.truncate(REMEMBERED - 1);
            self.recent.push_front(stamp);
        }
    }

    /// Reads a picture; `None` where its code cannot be read.
    pub fn picture(&mut self, luma: Luma<'_>) -> Option<Reading> {
        let payload = self.code.read(luma)?;
        let same_frame = |s: &&Stamp| (s.stream_id, s.sequence) == (payload.stream_id, payload.sequence);
        let stamp = self.recent.iter().find(same_frame).filter(|stamp| stamp.times.stamp == payload.time);
        let contradicted = stamp.is_none() && self.beside;
        let publisher = stamp.map(|stamp| stamp.times);
        let origin = stamp.map(|stamp| stamp.origin);
        let reference = stamp.and_then(|stamp| stamp.reference);
        Some(Reading { payload, publisher, origin, reference, code: self.code.bounds(), contradicted })
    }
}

#[cfg(test)]
mod tests {
    use common::code::{Corner, Painter};
    use common::frame::{CaptureClock, Picture, Size};
    use common::time::WallTime;

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

    fn access_unit(payload: &Payload) -> Vec<u8> {
        let Payload { stream_id, sequence, time } = *payload;
        let (times, capture_clock, reference) = (times(time), CaptureClock::None, None);
        let stamp = Stamp { stream_id, sequence, origin: ORIGIN, times, capture_clock, reference };
        [&START_CODE[..], &sei::nal(&stamp)].concat()
    }

    #[test]
    fn the_sei_of_the_same_frame_gives_the_publishers_times() {
        let mut reader = StampReader::new();
        reader.access_unit(&access_unit(&payload(1)));
        let reading = reader.picture(picture(&payload(1)).luma());
        let publisher = Some(times(payload(1).time));
        assert_eq!(
            reading,
            Some(Reading {
                payload: payload(1),
                publisher,
                origin: Some(ORIGIN),
                reference: None,
                code: CODE,
                contradicted: false
            })
        );
    }

    #[test]
    fn a_picture_that_comes_out_late_still_finds_its_sei() {
        let mut reader = StampReader::new();
        (1..=4).for_each(|n| reader.access_unit(&access_unit(&payload(n))));
        let reading = reader.picture(picture(&payload(2)).luma()).expect("the code is clean");
        assert_eq!(reading.publisher.map(|times| times.stamp), Some(payload(2).time));
        (5..=30).for_each(|n| reader.access_unit(&access_unit(&payload(n))));
        assert!(reader.picture(picture(&payload(2)).luma()).expect("the code is clean").contradicted, "forgotten");
    }

    #[test]
    fn an_sei_of_another_frame_or_time_is_not_believed() {
        for other in [payload(2), Payload { time: WallTime::from_micros(5), ..payload(1) }] {
            let mut reader = StampReader::new();
            reader.access_unit(&access_unit(&other));
            let reading = reader.picture(picture(&payload(1)).luma());
            assert_eq!(
                reading,
                Some(Reading {
                    payload: payload(1),
                    publisher: None,
                    origin: None,
                    reference: None,
                    code: CODE,
                    contradicted: true
                })
            );
        }
    }

    #[test]
    fn what_another_access_unit_said_contradicts_nothing() {
        let mut reader = StampReader::new();
        reader.access_unit(&access_unit(&payload(1)));
        reader.access_unit(&START_CODE);
        assert!(!reader.picture(picture(&payload(2)).luma()).expect("the code is clean").contradicted);
    }

    #[test]
    fn without_an_sei_nothing_is_contradicted() {
        let reading = StampReader::new().picture(picture(&payload(1)).luma());
        assert_eq!(
            reading,
            Some(Reading {
                payload: payload(1),
                publisher: None,
                origin: None,
                reference: None,
                code: CODE,
                contradicted: false
            })
        );
        assert_eq!(StampReader::new().picture(Picture::black(SIZE).luma()), None);
    }
}
