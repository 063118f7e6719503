//! RTP payload format of Opus (RFC 7587): one Opus packet per RTP packet.

use crate::audio::{AudioFrame, opus_duration};
use crate::time::MonoTime;

use super::packet::Packet;
use super::sequence::{Sequence, Step};

/// Extracts Opus packets from RTP packets. Buffers none.
#[derive(Clone, Debug, Default)]
pub struct Depacketizer {
    sequence: Sequence,
    source: Option<u32>,
}

impl Depacketizer {
    /// Takes a packet that arrived at `now`. Returns `None` if it is malformed or late.
    pub fn handle_packet(&mut self, now: MonoTime, packet: &Packet<'_>) -> Option<AudioFrame> {
        if self.source.replace(packet.ssrc).is_some_and(|before| before != packet.ssrc) {
            self.sequence = Sequence::default();
        }
        if self.sequence.advance(packet.sequence) == Step::Late {
            return None;
        }
        let duration = opus_duration(packet.payload)?;
        Some(AudioFrame { data: packet.payload.to_vec(), ticks: packet.time.ticks(), duration, arrived: now })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MediaTime;

    fn take(depacketizer: &mut Depacketizer, sequence: u16, ssrc: u32, payload: &[u8]) -> Option<u32> {
        let time = MediaTime::from_ticks(9);
        let packet = Packet { payload_type: 97, sequence, time, ssrc, marker: false, payload };
        let frame = depacketizer.handle_packet(MonoTime::default(), &packet)?;
        assert_eq!((&frame.data[..], frame.ticks), (payload, 9));
        Some(frame.duration)
    }

    #[test]
    fn a_packet_is_a_frame() {
        let mut depacketizer = Depacketizer::default();
        assert_eq!(take(&mut depacketizer, 10, 1, &[0xfc, 1, 2]), Some(960));
        assert_eq!(take(&mut depacketizer, 9, 1, &[0xfc, 1, 2]), None, "late");
        assert_eq!(take(&mut depacketizer, 13, 1, &[0x18, 1]), Some(2_880), "what was lost is lost");
        assert_eq!(take(&mut depacketizer, 14, 1, &[]), None);
        assert_eq!(take(&mut depacketizer, 15, 1, &[0xfb, 0]), None, "of no frames");
        assert_eq!(take(&mut depacketizer, 2, 2, &[0xfc]), Some(960), "another source");
    }
}
