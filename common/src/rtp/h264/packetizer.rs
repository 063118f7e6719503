//! Cuts access units into packets.

use rtp_types::RtpPacketBuilder;

use super::payload::{END_BIT, FU_A, IMPORTANCE, SIZE_LEN, STAP_A, START_BIT};
use crate::rtp::packet::HEADER_LEN;
use crate::rtp::packets::Packets;
use crate::time::MediaTime;

/// Longest payload behind the RTP header, in bytes. With headers it stays below every Ethernet's 1,500 and below the
/// 1,472 of a UDP packet that MediaMTX would have to cut anew, with room for IPv6 and a tunnel.
pub(crate) const PAYLOAD_MAX: usize = 1400;

/// Payload type that the publisher uses: the first of the dynamic ones (RFC 3551 section 3).
pub(crate) const PAYLOAD_TYPE: u8 = 96;

/// Cuts access units into RTP packets.
#[derive(Clone, Debug)]
pub struct Packetizer {
    ssrc: u32,
    sequence: u16,
}

impl Packetizer {
    /// Packets of source `ssrc`, the first with sequence number `sequence`. Both should be random (RFC 3550
    /// section 5.1).
    pub const fn new(ssrc: u32, sequence: u16) -> Self {
        Self { ssrc, sequence }
    }

    /// Synchronisation source of the packets.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Puts one whole access unit, given as NAL units without start codes, into `out` in place of what was there.
    /// Neighbours that fit into one packet share it, what is longer than a packet is cut, and the last packet has
    /// the marker bit. Empty NAL units are left out, but counted in [`Packets::nal_mut`].
    pub fn packetize(&mut self, nals: &[&[u8]], time: MediaTime, out: &mut Packets) {
        out.clear();
        let mut rest = nals;
        while let Some((first, after)) = rest.split_first() {
            let together = fitting(rest);
            if first.is_empty() {
                out.skip_nal();
                rest = after;
            } else if together > 1 {
                self.aggregate(&rest[..together], time, out);
                rest = &rest[together..];
            } else {
                if first.len() <= PAYLOAD_MAX {
                    self.single(first, time, out)
                } else {
                    self.fragment(first, time, out)
                }
                rest = after;
            }
        }
        out.mark_last();
    }

    fn single(&mut self, nal: &[u8], time: MediaTime, out: &mut Packets) {
        self.begin(time, out);
        out.put_nal(nal);
    }

    /// One STAP-A: a header as important as the most important NAL unit in it, then each with its size.
    fn aggregate(&mut self, nals: &[&[u8]], time: MediaTime, out: &mut Packets) {
        self.begin(time, out);
        let importance = nals.iter().filter_map(|nal| nal.first()).map(|header| header & IMPORTANCE).max();
        out.put(&[importance.unwrap_or(0) | STAP_A]);
        for nal in nals {
            let size = u16::try_from(nal.len()).expect("the NAL units fit into one packet");
            out.put(&size.to_be_bytes());
            out.put_nal(nal);
        }
    }

    /// FU-A: the NAL unit's header is spread over the two bytes before each fragment, not repeated in it.
    fn fragment(&mut self, nal: &[u8], time: MediaTime, out: &mut Packets) {
        out.skip_nal();
        let indicator = nal[0] & IMPORTANCE | FU_A;
        let kind = nal[0] & !IMPORTANCE;
        let mut fragments = nal[1..].chunks(PAYLOAD_MAX - 2).peekable();
        let mut start = START_BIT;
        while let Some(fragment) = fragments.next() {
            let end = if fragments.peek().is_none() { END_BIT } else { 0 };
            self.begin(time, out);
            out.put(&[indicator, start | end | kind]);
            out.put(fragment);
            start = 0;
        }
    }

    fn begin(&mut self, time: MediaTime, out: &mut Packets) {
        let mut bytes = [0; HEADER_LEN];
        RtpPacketBuilder::<&[u8], &[u8]>::new()
            .payload_type(PAYLOAD_TYPE)
            .sequence_number(self.sequence)
            .timestamp(time.ticks())
            .ssrc(self.ssrc)
            .write_into_unchecked(&mut bytes);
        self.sequence = self.sequence.wrapping_add(1);
        out.begin(&bytes);
    }
}

/// How many NAL units at the front of `nals` fit into one aggregation packet.
fn fitting(nals: &[&[u8]]) -> usize {
    let mut len = 1;
    nals.iter()
        .take_while(|nal| {
            len += SIZE_LEN + nal.len();
            !nal.is_empty() && len <= PAYLOAD_MAX
        })
        .count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::depacketizer::Depacketizer;
    use super::*;
    use crate::h264::nals;
    use crate::media::Codec;
    use crate::rtp::frame::Event;
    use crate::rtp::packet::Packet;
    use crate::time::MonoTime;

    /// The NAL units of the one access unit that comes out of `packets`, behind an IDR picture.
    fn depacketize(packets: &Packets) -> Vec<Vec<u8>> {
        let mut before = Packets::default();
        Packetizer::new(7, u16::MAX - 1).packetize(&[b"\x67", b"\x68", b"\x65"], MediaTime::default(), &mut before);
        let mut depacketizer = Depacketizer::new(&[]);
        let mut units = before.iter().chain(packets.iter()).flat_map(|packet| {
            assert!(packet.len() <= HEADER_LEN + PAYLOAD_MAX);
            depacketizer.handle_packet(MonoTime::default(), &Packet::parse(packet).expect("a good header"))
        });
        assert!(matches!(units.next(), Some(Event::Frame(_))), "the IDR picture");
        let Some(Event::Frame(unit)) = units.next() else { panic!("a whole access unit") };
        assert_eq!(units.next(), None);
        nals(&unit.encoded.data).map(<[u8]>::to_vec).collect()
    }

    fn packetized(nals: &[&[u8]]) -> Packets {
        let mut packets = Packets::default();
        Packetizer::new(7, u16::MAX).packetize(nals, MediaTime::from_ticks(3_000), &mut packets);
        packets
    }

    fn parsed(packets: &Packets) -> Vec<Packet<'_>> {
        packets.iter().map(|packet| Packet::parse(packet).expect("our own packet")).collect()
    }

    fn starts(packets: &Packets) -> Vec<bool> {
        parsed(packets).iter().map(|packet| packet.starts_decoding(Codec::H264).expect("our own packet")).collect()
    }

    fn nal(header: u8, len: usize) -> Vec<u8> {
        [&[header, 0x88][..], &vec![0xab; len - 2]].concat()
    }

    #[test]
    fn parameter_sets_and_sei_share_a_packet_and_the_slice_is_cut() {
        let (sps, pps, sei, idr) = (nal(0x67, 14), nal(0x68, 4), nal(0x06, 90), nal(0x65, 5_000));
        let packets = packetized(&[&sps, &pps, &sei, &idr]);
        let parsed = parsed(&packets);
        assert_eq!(parsed.len(), 1 + 4);
        assert_eq!(parsed.iter().map(|p| p.sequence).collect::<Vec<_>>(), [u16::MAX, 0, 1, 2, 3]);
        assert_eq!(parsed.iter().map(|p| p.marker).collect::<Vec<_>>(), [false, false, false, false, true]);
        assert_eq!(starts(&packets), [true, true, false, false, false]);
        assert!(parsed.iter().all(|p| (p.ssrc, p.payload_type, p.time.ticks()) == (7, PAYLOAD_TYPE, 3_000)));
        assert_eq!(packets.iter().next().expect("a packet")[HEADER_LEN], 0x60 | STAP_A);
        assert_eq!(depacketize(&packets), [sps, pps, sei, idr]);
    }

    #[test]
    fn a_small_picture_is_one_marked_packet() {
        let slice = nal(0x41, 800);
        let packets = packetized(&[&slice]);
        assert_eq!(
            packets.iter().collect::<Vec<_>>(),
            [[&packets.iter().next().expect("one")[..HEADER_LEN], &slice].concat()]
        );
        assert!(parsed(&packets)[0].marker && !starts(&packets)[0]);
    }

    #[test]
    fn the_boundary_between_whole_and_cut_is_exact() {
        assert_eq!(packetized(&[&nal(0x41, PAYLOAD_MAX)]).len(), 1);
        assert_eq!(packetized(&[&nal(0x41, PAYLOAD_MAX + 1)]).len(), 2);
        let half = nal(0x41, PAYLOAD_MAX / 2 - 3);
        assert_eq!(packetized(&[&half, &half]).len(), 1);
        assert_eq!(packetized(&[&half, &nal(0x41, PAYLOAD_MAX / 2 + 3)]).len(), 2);
    }

    #[test]
    fn interleaved_frames_are_the_packets_with_headers() {
        let mut packets = packetized(&[&nal(0x67, 10), &nal(0x65, 3_000)]);
        let expected: Vec<u8> =
            packets.iter().flat_map(|p| [&[b'$', 2, (p.len() >> 8) as u8, p.len() as u8][..], p].concat()).collect();
        assert_eq!(packets.interleaved(2), expected);
        assert_eq!(packets.bytes(), packets.iter().map(<[u8]>::len).sum::<usize>());
    }

    #[test]
    fn whole_nal_units_can_be_changed_in_place() {
        let (sei, slice) = (nal(0x06, 90), nal(0x41, 3_000));
        let mut packets = packetized(&[&sei, b"", &slice]);
        packets.nal_mut(0).expect("the SEI is whole")[5] = 0x77;
        assert!(packets.nal_mut(1).is_none() && packets.nal_mut(2).is_none() && packets.nal_mut(3).is_none());
        assert_eq!(depacketize(&packets)[0][5], 0x77);
    }

    #[test]
    fn an_access_unit_of_nothing_gives_no_packets() {
        assert!(packetized(&[]).is_empty());
        assert!(packetized(&[b"", b""]).is_empty());
    }

    #[test]
    fn only_the_first_slice_of_an_idr_picture_starts_it() {
        let second_slice = [&[0x65, 0x08][..], &[1; 50]].concat();
        assert!(!starts(&packetized(&[&second_slice]))[0]);
        assert!(starts(&packetized(&[&nal(0x65, 50)]))[0]);
    }

    #[test]
    fn a_recovery_point_starts_as_an_idr_does() {
        let recovery = [0x06, 0x06, 0x01, 0x1b, 0x80];
        let other = [0x06, 0x05, 0x02, 0x06, 0x01, 0x80];
        let slice = nal(0x41, 50);
        assert!(starts(&packetized(&[&recovery, &slice]))[0], "in one packet with the slice");
        assert!(starts(&packetized(&[&recovery, &nal(0x41, 5_000)]))[0], "alone");
        assert!(!starts(&packetized(&[&other, &slice]))[0]);
    }

    #[test]
    fn aggregates_that_reach_beyond_their_end_are_refused() {
        let header = &packetized(&[&nal(0x41, 10)]).iter().next().expect("one")[..HEADER_LEN].to_vec();
        let overreads = "65535 has a STAP-A with a NAL unit that reaches beyond the packet";
        for (bad, why) in [
            (&[STAP_A, 0][..], overreads),
            (&[STAP_A, 0, 9, 1], overreads),
            (&[STAP_A, 0, 1, 0x67, 0xff, 0xff], overreads),
            (&[], "65535 has no payload"),
            (&[FU_A], "65535 has a fragment without header"),
        ] {
            let packet = [header, bad].concat();
            let packet = Packet::parse(&packet).expect("a good header");
            let error = packet.starts_decoding(Codec::H264).expect_err("malformed");
            assert_eq!(error.to_string(), format!("RTP packet {why}"));
        }
    }

    proptest! {
        #[test]
        fn every_access_unit_comes_back_whole(lens in proptest::collection::vec(prop_oneof![2usize..40, 1_350usize..1_450, 2usize..9_000], 1..12)) {
            let sets = [nal(0x67, 14), nal(0x68, 4)];
            let rest = lens.iter().enumerate().map(|(i, &len)| nal(0x41 + (i as u8 % 8), len));
            let nals: Vec<_> = sets.into_iter().chain(rest).collect();
            let packets = packetized(&nals.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let markers: Vec<_> = parsed(&packets).iter().map(|p| p.marker).collect();
            prop_assert_eq!(markers.iter().position(|&m| m), Some(markers.len() - 1));
            prop_assert_eq!(depacketize(&packets), nals);
        }

        #[test]
        fn arbitrary_packets_never_panic(bytes in any::<Vec<u8>>(), payload in any::<Vec<u8>>()) {
            let with_header = [&[0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0][..], &payload].concat();
            for bytes in [bytes, with_header] {
                let _ = Packet::parse(&bytes).and_then(|packet| packet.starts_decoding(Codec::H264));
            }
        }
    }
}
