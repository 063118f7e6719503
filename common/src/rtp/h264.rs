//! The RTP payload format of H.264 (RFC 6184) in non-interleaved mode: single NAL unit packets, STAP-A, FU-A.

use rtp_types::RtpPacketBuilder;

pub use super::Packets;
use super::header;
pub use super::header::{Error, PacketInfo, inspect};
use super::payload::{FU_A, SIZE_LEN, STAP_A, START_BIT};
use crate::time::MediaTime;

/// Longest payload behind the RTP header, in bytes. With headers it stays below every Ethernet's 1,500 and below the
/// 1,472 of a UDP packet that MediaMTX would have to cut anew, with room for IPv6 and a tunnel.
pub const PAYLOAD_MAX: usize = 1400;

/// Payload type that the publisher uses: the first of the dynamic ones (RFC 3551 section 3).
pub const PAYLOAD_TYPE: u8 = 96;

const END_BIT: u8 = 0x40;
/// The forbidden bit and nal_ref_idc in a NAL unit's first byte.
const IMPORTANCE: u8 = 0xe0;

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

    /// Sequence number of the next packet.
    pub const fn sequence(&self) -> u16 {
        self.sequence
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
        let mut bytes = [0; header::LEN];
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
    use rtp_types::RtpPacket;

    use super::super::payload::aggregated;
    use super::*;

    /// Reassembles as RFC 6184 sections 5.6 to 5.8 tell a receiver to.
    fn depacketize(packets: &Packets) -> Vec<Vec<u8>> {
        let mut nals: Vec<Vec<u8>> = Vec::new();
        let mut open = false;
        for packet in packets.iter() {
            let packet = RtpPacket::parse(packet).expect("a good header");
            let payload = packet.payload();
            assert!(payload.len() <= PAYLOAD_MAX);
            match payload[0] & 0x1f {
                STAP_A => nals.extend(aggregated(&payload[1..]).map(|nal| nal.expect("sizes fit").to_vec())),
                FU_A => {
                    assert_eq!(payload[1] & START_BIT == 0, open, "fragments begin and end");
                    if !open {
                        nals.push(vec![payload[0] & 0xe0 | payload[1] & 0x1f]);
                    }
                    nals.last_mut().expect("just pushed").extend(&payload[2..]);
                    open = payload[1] & END_BIT == 0;
                }
                _ => nals.push(payload.to_vec()),
            }
        }
        assert!(!open);
        nals
    }

    fn packetized(nals: &[&[u8]]) -> Packets {
        let mut packets = Packets::default();
        Packetizer::new(7, u16::MAX).packetize(nals, MediaTime::from_ticks(3_000), &mut packets);
        packets
    }

    fn infos(packets: &Packets) -> Vec<PacketInfo> {
        packets.iter().map(|packet| inspect(packet).expect("our own packet")).collect()
    }

    fn nal(header: u8, len: usize) -> Vec<u8> {
        [&[header, 0x88][..], &vec![0xab; len - 2]].concat()
    }

    #[test]
    fn parameter_sets_and_sei_share_a_packet_and_the_slice_is_cut() {
        let (sps, pps, sei, idr) = (nal(0x67, 14), nal(0x68, 4), nal(0x06, 90), nal(0x65, 5_000));
        let packets = packetized(&[&sps, &pps, &sei, &idr]);
        let infos = infos(&packets);
        assert_eq!(infos.len(), 1 + 4);
        assert_eq!(infos.iter().map(|i| i.sequence).collect::<Vec<_>>(), [u16::MAX, 0, 1, 2, 3]);
        assert_eq!(infos.iter().map(|i| i.marker).collect::<Vec<_>>(), [false, false, false, false, true]);
        assert_eq!(infos.iter().map(|i| i.starts_idr).collect::<Vec<_>>(), [true, true, false, false, false]);
        assert!(infos.iter().all(|i| (i.ssrc, i.payload_type, i.time.ticks()) == (7, PAYLOAD_TYPE, 3_000)));
        assert_eq!(packets.iter().next().expect("a packet")[header::LEN], 0x60 | STAP_A);
        assert_eq!(depacketize(&packets), [sps, pps, sei, idr]);
    }

    #[test]
    fn a_small_picture_is_one_marked_packet() {
        let slice = nal(0x41, 800);
        let packets = packetized(&[&slice]);
        assert_eq!(
            packets.iter().collect::<Vec<_>>(),
            [[&packets.iter().next().expect("one")[..header::LEN], &slice].concat()]
        );
        assert!(infos(&packets)[0].marker && !infos(&packets)[0].starts_idr);
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
        let (sei, idr) = (nal(0x06, 90), nal(0x65, 3_000));
        let mut packets = packetized(&[&sei, b"", &idr]);
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
        assert!(!infos(&packetized(&[&second_slice]))[0].starts_idr);
        assert!(infos(&packetized(&[&nal(0x65, 50)]))[0].starts_idr);
    }

    #[test]
    fn a_recovery_point_starts_as_an_idr_does() {
        let recovery = [0x06, 0x06, 0x01, 0x1b, 0x80];
        let other = [0x06, 0x05, 0x02, 0x06, 0x01, 0x80];
        let slice = nal(0x41, 50);
        assert!(infos(&packetized(&[&recovery, &slice]))[0].starts_idr, "in one packet with the slice");
        assert!(infos(&packetized(&[&recovery, &nal(0x41, 5_000)]))[0].starts_idr, "alone");
        assert!(!infos(&packetized(&[&other, &slice]))[0].starts_idr);
    }

    #[test]
    fn aggregates_that_reach_beyond_their_end_are_refused() {
        let header = &packetized(&[&nal(0x41, 10)]).iter().next().expect("one")[..header::LEN].to_vec();
        for bad in [&[STAP_A, 0][..], &[STAP_A, 0, 9, 1], &[STAP_A, 0, 1, 0x67, 0xff, 0xff]] {
            let error = inspect(&[header, bad].concat()).expect_err("it over-reads");
            assert_eq!(error, Error::Aggregate { sequence: u16::MAX });
        }
        assert_eq!(inspect(header), Err(Error::Empty { sequence: u16::MAX }));
        assert_eq!(inspect(&[header, &[FU_A][..]].concat()), Err(Error::Fragment { sequence: u16::MAX }));
    }

    proptest! {
        #[test]
        fn every_access_unit_comes_back_whole(lens in proptest::collection::vec(prop_oneof![2usize..40, 1_350usize..1_450, 2usize..9_000], 1..12)) {
            let nals: Vec<_> = lens.iter().enumerate().map(|(i, &len)| nal(0x41 + (i as u8 % 8), len)).collect();
            let packets = packetized(&nals.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let markers: Vec<_> = infos(&packets).iter().map(|i| i.marker).collect();
            prop_assert_eq!(markers.iter().position(|&m| m), Some(markers.len() - 1));
            prop_assert_eq!(depacketize(&packets), nals);
        }

        #[test]
        fn arbitrary_packets_never_panic(bytes in any::<Vec<u8>>(), payload in any::<Vec<u8>>()) {
            let _ = inspect(&bytes);
            let _ = inspect(&[&[0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0][..], &payload].concat());
        }
    }
}
