//! A packet on its way through, and where it stands in its frame.

use common::rtp::{self, Sequence, Step};
pub(crate) use common::rtsp::serve::{Packet, PacketKind};
use common::time::MediaTime;

/// Where a packet stands in the stream, as far as dropping whole frames needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FramePosition {
    /// Part of a frame.
    Video {
        /// Number of the frame, counted by the relay from 1.
        frame: u64,
        /// The first packet of its frame.
        first: bool,
        /// A decoder can start here: the first packet of an IDR access unit's parameter sets or slices.
        opens: bool,
    },
    /// A packet that cannot be placed.
    Other,
    /// An audio packet, forwarded while video is.
    Beside,
    /// RTCP: always passes, so that a reader can map media time to wall time from the start.
    Free,
}

impl FramePosition {
    /// The number of its frame.
    pub(crate) fn frame(self) -> Option<u64> {
        match self {
            Self::Video { frame, .. } => Some(frame),
            Self::Other | Self::Beside | Self::Free => None,
        }
    }
}

/// A packet with its position.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) packet: Packet,
    pub(crate) position: FramePosition,
}

/// Numbers the frames of one video track.
#[derive(Debug, Default)]
pub(crate) struct FrameCounter {
    frame: u64,
    time: MediaTime,
    /// The previous packet had the RTP marker bit: the next one starts a frame.
    ended: bool,
    /// This frame's start for a decoder has come: later slices of the same IDR are not starts.
    opened: bool,
    sequence: Sequence,
    lost: u64,
    idrs: u64,
}

impl FrameCounter {
    /// The position of the track's next RTP packet, where `starts_decoding` is [`rtp::Packet::starts_decoding`]. A packet that UDP
    /// brings late counts with the newest frame: it neither starts one nor opens a gate.
    pub(crate) fn place(&mut self, packet: &rtp::Packet<'_>, starts_decoding: bool) -> FramePosition {
        match self.sequence.advance(packet.sequence) {
            Step::Late => return FramePosition::Video { frame: self.frame, first: false, opens: false },
            Step::Gap(lost) => self.lost += u64::from(lost),
            Step::Next | Step::Restart => {}
        }
        let first = self.frame == 0 || self.ended || packet.time != self.time;
        if first {
            self.frame += 1;
            self.opened = false;
        }
        let opens = starts_decoding && !self.opened;
        if opens {
            self.opened = true;
            self.idrs += 1;
        }
        self.time = packet.time;
        self.ended = packet.marker;
        FramePosition::Video { frame: self.frame, first, opens }
    }

    /// Packets that the publisher sent and that never arrived, by their sequence numbers.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// Frames seen.
    pub(crate) fn frames(&self) -> u64 {
        self.frame
    }

    /// Frames seen from which decoding can start.
    pub(crate) fn idrs(&self) -> u64 {
        self.idrs
    }

    /// Media time of the newest packet.
    pub(crate) fn newest(&self) -> Option<MediaTime> {
        (self.frame > 0).then_some(self.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl FrameCounter {
        fn next(&mut self, sequence: u16, time: u32, marker: bool, starts_decoding: bool) -> FramePosition {
            let time = MediaTime::from_ticks(time);
            let packet = rtp::Packet { payload_type: 96, ssrc: 1, sequence, time, marker, payload: &[] };
            self.place(&packet, starts_decoding)
        }
    }

    #[test]
    fn frames_are_told_apart_by_marker_and_by_time() {
        let mut counter = FrameCounter::default();
        let positions = [
            (1, 0, false, true),
            (2, 0, true, true),
            (3, 0, true, false),
            (4, 3_000, false, false),
            (5, 6_000, false, true),
        ]
        .map(|(sequence, time, is_last, starts)| counter.next(sequence, time, is_last, starts));
        let video = |frame, first, opens| FramePosition::Video { frame, first, opens };
        assert_eq!(
            positions,
            [
                video(1, true, true),
                video(1, false, false),
                video(2, true, false),
                video(3, true, false),
                video(4, true, true)
            ]
        );
        assert_eq!((counter.frames(), counter.idrs(), counter.lost()), (4, 2, 0));
    }

    #[test]
    fn a_late_packet_starts_nothing_and_a_gap_is_counted() {
        let mut counter = FrameCounter::default();
        counter.next(u16::MAX, 0, true, true);
        counter.next(2, 3_000, false, false);
        assert_eq!(counter.lost(), 2);
        assert_eq!(counter.next(0, 0, true, true), FramePosition::Video { frame: 2, first: false, opens: false });
        assert_eq!(counter.lost(), 2);
        assert_eq!(counter.next(3, 3_000, true, false), FramePosition::Video { frame: 2, first: false, opens: false });
    }

    #[test]
    fn a_restarted_sequence_is_not_loss() {
        let mut counter = FrameCounter::default();
        counter.next(100, 0, true, true);
        assert_eq!(counter.next(30_000, 9, false, true), FramePosition::Video { frame: 2, first: true, opens: true });
        assert_eq!(counter.lost(), 0);
    }
}
