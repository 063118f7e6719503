//! Puts the times of a picture into its encoded frame, as an SEI message.
//!
//! An encoder may skip pictures, or return a frame after later pictures went in: frames and pictures are paired by media time.

use std::collections::VecDeque;
use std::ops::Range;

use common::frame::PublisherTimes;
use common::host::clock;
use common::media::EncodedFrame;
use common::sei;
use common::time::{MediaTime, MonoTime, Now};

use crate::capture::Captured;
use crate::clock::Comparison;
use crate::stamp::Stamped;

/// Most pictures that an encoder may have at once; older ones are given up.
const PENDING_MAX: usize = 64;

/// An encoded frame that carries its picture's times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedFrame {
    /// The frame, with the stamp in it.
    pub frame: EncodedFrame,
    /// Where in the frame's data the SEI NAL unit with the stamp is, in which the time of sending is set; empty without a stamp.
    pub stamp: Range<usize>,
    /// Both clocks when the picture was stamped. The time of sending is counted on from here by the monotonic one.
    pub stamped: Now,
}

impl SealedFrame {
    /// Sets the time of sending, right before the write, in `stamp`: the bytes of [`SealedFrame::stamp`], wherever the protocol
    /// has put them.
    pub fn set_sent(&self, stamp: &mut [u8], now: MonoTime) {
        sei::set_sent(stamp, self.stamped.wall_at(now));
    }
}

/// A picture that the encoder has.
struct Pending {
    time: MediaTime,
    captured: Captured,
    stamped: Stamped,
}

/// Pairs encoded frames with their pictures.
pub struct Sealer {
    stream_id: u8,
    origin: sei::Origin,
    /// With a clock that receivers can ask too.
    comparison: Option<Comparison>,
    /// Media time of the first picture: random (RFC 3550 section 5.1).
    first_time: MediaTime,
    /// PUB of the first picture.
    first: Option<MonoTime>,
    /// Oldest first; all but the newest are those that the encoder holds back.
    pending: VecDeque<Pending>,
    /// Pictures that the encoder made nothing of.
    dropped: u64,
}

impl Sealer {
    /// For pictures with `stream_id` in their codes. The stamp says what is known of another clock by `comparison`.
    pub fn new(stream_id: u8, comparison: Option<Comparison>) -> Self {
        Self {
            stream_id,
            // A receiver compares it with its own host's, and sees by it that a publisher has been restarted.
            origin: sei::Origin { host: clock::host(), run: rand::random() },
            comparison,
            first_time: MediaTime::from_ticks(rand::random()),
            first: None,
            pending: VecDeque::new(),
            dropped: 0,
        }
    }

    /// Remembers a picture that is about to be encoded, and returns its media time: as long after the first picture's as it was
    /// stamped after the first.
    pub fn expect(&mut self, captured: Captured, stamped: &Stamped) -> MediaTime {
        if self.pending.len() == PENDING_MAX {
            self.pending.pop_front();
            self.dropped += 1;
        }
        let time = self.first_time.advance(stamped.at - *self.first.get_or_insert(stamped.at));
        self.pending.push_back(Pending { time, captured, stamped: *stamped });
        time
    }

    /// Puts the times of its picture into `frame`, which the encoder returned at `now`. `None` for a frame of a picture that
    /// was given up.
    pub fn seal(&mut self, mut frame: EncodedFrame, now: MonoTime) -> Option<SealedFrame> {
        // Frames come in the order of their pictures: the encoder made nothing of those before.
        while self.pending.front().is_some_and(|oldest| oldest.time.ticks_since(frame.time) < 0) {
            self.pending.pop_front();
            self.dropped += 1;
        }
        if self.pending.front()?.time != frame.time {
            return None;
        }
        let Pending { captured, stamped, .. } = self.pending.pop_front()?;
        let encoded = stamped.wall_at(now);
        let message = sei::message(&sei::Stamp {
            stream_id: self.stream_id,
            sequence: stamped.sequence,
            origin: self.origin,
            times: PublisherTimes {
                captured: captured.time(),
                stamp: stamped.stamp,
                painted: stamped.painted,
                encoded,
                sent: encoded,
            },
            capture_clock: captured.clock(),
            reference: self.comparison.as_mut().and_then(|comparison| comparison.reference(stamped.now())),
        });
        let stamp = frame.codec.insert_sei(&mut frame.data, &message);
        Some(SealedFrame { frame, stamp, stamped: stamped.now() })
    }

    /// Pictures that no frame has come of yet.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Pictures that the encoder made nothing of.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use common::media::Codec;
    use common::time::WallTime;

    use super::*;

    /// The picture with number `sequence`, stamped at that many seconds.
    fn stamped(sequence: u32) -> Stamped {
        let stamp = WallTime::from_micros(1_700_000_000_000_000 + i64::from(sequence) * 1_000_000);
        Stamped { sequence, stamp, at: at(sequence), painted: stamp.offset(10) }
    }

    fn at(second: u32) -> MonoTime {
        MonoTime::from_origin(Duration::from_secs(second.into()))
    }

    fn frame(time: MediaTime) -> EncodedFrame {
        EncodedFrame { codec: Codec::H264, data: vec![0, 0, 0, 1, 0x41, 0x9a], is_key: false, time }
    }

    /// The sequence number that the frame's stamp says.
    fn sequence(sealed: &SealedFrame) -> u32 {
        let found = Codec::H264.find_stamp(&sealed.frame.data).expect("it is stamped");
        assert_eq!(sei::find(&sealed.frame.data[sealed.stamp.clone()]), Some(found));
        assert_eq!(found.times.stamp, stamped(found.sequence).stamp);
        assert_eq!(sealed.stamped, stamped(found.sequence).now());
        found.sequence
    }

    #[test]
    fn each_frame_gets_the_times_of_its_own_picture() {
        let mut sealer = Sealer::new(1, None);
        let times: Vec<_> = (0..6).map(|n| sealer.expect(Captured::Unknown, &stamped(n))).collect();
        assert!(times.windows(2).all(|two| two[1].ticks_since(two[0]) == 90_000));
        let mut seal = |n: usize| sealer.seal(frame(times[n]), at(6)).map(|sealed| sequence(&sealed));
        assert_eq!((seal(0), seal(3)), (Some(0), Some(3)), "the encoder skipped two");
        assert_eq!((seal(1), seal(3)), (None, None), "and they are given up");
        assert_eq!(seal(5), Some(5));
        assert_eq!((sealer.dropped(), sealer.pending()), (3, 0));
    }

    #[test]
    fn pictures_that_an_encoder_never_returns_do_not_pile_up() {
        let mut sealer = Sealer::new(1, None);
        let times: Vec<_> = (0..100).map(|n| sealer.expect(Captured::Unknown, &stamped(n))).collect();
        assert_eq!((sealer.pending(), sealer.dropped()), (PENDING_MAX, 100 - PENDING_MAX as u64));
        assert_eq!(sealer.seal(frame(times[0]), at(100)), None);
        assert!(sealer.seal(frame(times[99]), at(100)).is_some_and(|sealed| sequence(&sealed) == 99));
        assert_eq!((sealer.pending(), sealer.dropped()), (0, 99));
    }

    #[test]
    fn an_encoding_ends_when_the_frame_was_returned() {
        let mut sealer = Sealer::new(1, None);
        let time = sealer.expect(Captured::Unknown, &stamped(0));
        let returned = at(0) + Duration::from_millis(7);
        let sealed = sealer.seal(frame(time), returned).expect("it is paired");
        let times = Codec::H264.find_stamp(&sealed.frame.data).expect("it is stamped").times;
        assert_eq!((times.painted, times.encoded), (stamped(0).painted, stamped(0).stamp.offset(7_000)));
    }
}
