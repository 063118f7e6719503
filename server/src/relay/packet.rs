//! A packet on its way through, and where it stands in its frame.

use common::h264::NalKind;
use common::rtp::h264::PacketInfo;

pub(crate) use common::rtsp::serve::{Packet, PacketKind};
use common::time::MediaTime;

/// Where a packet stands in the stream, as far as dropping whole frames needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
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
    /// RTCP: always passes, so that a reader can map media time to wall time from the start.
    Free,
}

impl Mark {
    /// The number of its frame.
    pub(crate) fn frame(self) -> Option<u64> {
        match self {
            Self::Video { frame, .. } => Some(frame),
            Self::Other | Self::Free => None,
        }
    }
}

/// A packet and its mark.
#[derive(Clone, Debug)]
pub(crate) struct Marked {
    pub(crate) packet: Packet,
    pub(crate) mark: Mark,
}

/// Numbers the frames of one H.264 track.
#[derive(Debug, Default)]
pub(crate) struct FrameMarker {
    frame: u64,
    time: MediaTime,
    /// The previous packet had the RTP marker bit: the next one starts a frame.
    ended: bool,
    /// This frame's start for a decoder has been marked: later slices of the same IDR are not starts.
    opened: bool,
    last_sequence: Option<u16>,
    lost: u64,
    idrs: u64,
}

impl FrameMarker {
    /// The mark of the track's next RTP packet. A packet that UDP brings late counts with the newest frame: it
    /// neither starts one nor opens a gate.
    pub(crate) fn mark(&mut self, info: &PacketInfo) -> Mark {
        if !self.advance_sequence(info.sequence) {
            return Mark::Video { frame: self.frame, first: false, opens: false };
        }
        let first = self.frame == 0 || self.ended || info.time != self.time;
        if first {
            self.frame += 1;
            self.opened = false;
        }
        let opens = info.starts_idr && !self.opened;
        if opens {
            self.opened = true;
            self.idrs += 1;
        }
        self.time = info.time;
        self.ended = info.marker;
        Mark::Video { frame: self.frame, first, opens }
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
        self.last_sequence.map(|_| self.time)
    }

    /// Counts gaps; `false` for a packet that is late or a copy.
    fn advance_sequence(&mut self, sequence: u16) -> bool {
        /// A larger step, either way, is a restart of the sequence.
        const MAX_STEP: u16 = 3_000;
        let step = self.last_sequence.map_or(1, |last| sequence.wrapping_sub(last));
        if step == 0 || step > u16::MAX - MAX_STEP {
            return false;
        }
        if (2..MAX_STEP).contains(&step) {
            self.lost += u64::from(step - 1);
        }
        self.last_sequence = Some(sequence);
        true
    }
}

/// Parameter sets of one packet that are looked at: more than any encoder has, and few enough for a packet that is full
/// of them.
const PARAMETER_SETS_MAX: usize = 32;

/// Hands the SPS and PPS in an RTP packet of H.264 to `found`, where it holds them whole (RFC 6184 sections 5.6 and
/// 5.7.1), up to [`PARAMETER_SETS_MAX`].
pub(crate) fn for_each_parameter_set(rtp: &[u8], mut found: impl FnMut(&[u8])) {
    const STAP_A: u8 = 24;
    let is_set = |nal: &[u8]| matches!(NalKind::of(nal), Some(NalKind::Sps | NalKind::Pps));
    let Ok(packet) = rtp_types::RtpPacket::parse(rtp) else { return };
    let payload = packet.payload();
    if payload.first().is_none_or(|header| header & 0x1f != STAP_A) {
        if is_set(payload) {
            found(payload);
        }
        return;
    }
    let mut rest = &payload[1..];
    let mut left = PARAMETER_SETS_MAX;
    while left > 0
        && let Some((size, after)) = rest.split_first_chunk::<2>()
        && let Some((nal, after)) = after.split_at_checked(u16::from_be_bytes(*size).into())
    {
        rest = after;
        if is_set(nal) {
            left -= 1;
            found(nal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(sequence: u16, time: u32, marker: bool, starts_idr: bool) -> PacketInfo {
        PacketInfo { payload_type: 96, ssrc: 1, sequence, time: MediaTime::from_ticks(time), marker, starts_idr }
    }

    #[test]
    fn frames_are_told_apart_by_marker_and_by_time() {
        let mut marker = FrameMarker::default();
        let marks: Vec<_> = [
            info(1, 0, false, true),
            info(2, 0, true, true),
            info(3, 0, true, false),
            info(4, 3_000, false, false),
            info(5, 6_000, false, true),
        ]
        .iter()
        .map(|i| marker.mark(i))
        .collect();
        let video = |frame, first, opens| Mark::Video { frame, first, opens };
        assert_eq!(
            marks,
            [
                video(1, true, true),
                video(1, false, false),
                video(2, true, false),
                video(3, true, false),
                video(4, true, true)
            ]
        );
        assert_eq!((marker.frames(), marker.idrs(), marker.lost()), (4, 2, 0));
    }

    #[test]
    fn a_late_packet_starts_nothing_and_a_gap_is_counted() {
        let mut marker = FrameMarker::default();
        marker.mark(&info(u16::MAX, 0, true, true));
        marker.mark(&info(2, 3_000, false, false));
        assert_eq!(marker.lost(), 2);
        assert_eq!(marker.mark(&info(0, 0, true, true)), Mark::Video { frame: 2, first: false, opens: false });
        assert_eq!(marker.lost(), 2);
        assert_eq!(marker.mark(&info(3, 3_000, true, false)), Mark::Video { frame: 2, first: false, opens: false });
    }

    #[test]
    fn a_restarted_sequence_is_not_loss() {
        let mut marker = FrameMarker::default();
        marker.mark(&info(100, 0, true, true));
        assert_eq!(marker.mark(&info(30_000, 9, false, true)), Mark::Video { frame: 2, first: true, opens: true });
        assert_eq!(marker.lost(), 0);
    }
}
