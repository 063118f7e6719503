use proptest::prelude::*;

use super::*;
use crate::time::MediaTime;

const HZ: u32 = 48_000;

fn depacketizer() -> Depacketizer {
    let config = AacConfig::parse(&[0x11, 0x90]).expect("AAC-LC, 48 kHz, stereo");
    Depacketizer::new(Layout::HIGH_BIT_RATE, &config, HZ)
}

/// Builds the payload of section 3.3.6: AU-headers-length in bits, a header of 13 + 3 bits per unit, the units.
fn payload(sizes: &[usize], data: &[u8]) -> Vec<u8> {
    let headers = sizes.iter().flat_map(|size| (*size as u16 * 8).to_be_bytes());
    ((sizes.len() * 16) as u16).to_be_bytes().into_iter().chain(headers).chain(data.iter().copied()).collect()
}

fn take(depacketizer: &mut Depacketizer, sequence: u16, ticks: u32, marker: bool, payload: &[u8]) -> Vec<AudioFrame> {
    let packet = Packet { payload_type: 97, sequence, time: MediaTime::from_ticks(ticks), ssrc: 7, marker, payload };
    let mut found = Vec::new();
    depacketizer.handle_packet(MonoTime::default(), &packet, |frame| found.push(frame));
    found
}

fn frame(data: &[u8], ticks: u32) -> AudioFrame {
    AudioFrame { data: data.to_vec(), ticks, duration: 1_024, arrived: MonoTime::default() }
}

#[test]
fn a_packet_holds_one_unit_or_several() {
    let mut depacketizer = depacketizer();
    assert_eq!(payload(&[3], b"abc"), [0, 16, 0, 24, b'a', b'b', b'c']);
    assert_eq!(take(&mut depacketizer, 1, 100, true, &payload(&[3], b"abc")), [frame(b"abc", 100)]);
    // The second unit follows the first without a gap, even if media time wraps.
    let two = take(&mut depacketizer, 2, u32::MAX, true, &payload(&[2, 3], b"deabc"));
    assert_eq!(two, [frame(b"de", u32::MAX), frame(b"abc", 1_023)]);
}

#[test]
fn a_unit_in_fragments_comes_out_once_it_is_whole() {
    let mut depacketizer = depacketizer();
    let unit: Vec<u8> = (0..3_000_u32).map(|n| n as u8).collect();
    for (sequence, part) in [(1, 0..1_400), (2, 1_400..2_800)] {
        assert_eq!(take(&mut depacketizer, sequence, 9, false, &payload(&[3_000], &unit[part])), []);
    }
    assert_eq!(take(&mut depacketizer, 3, 9, true, &payload(&[3_000], &unit[2_800..])), [frame(&unit, 9)]);
}

#[test]
fn a_unit_that_lost_a_fragment_does_not_come_out_and_the_next_does() {
    for lost in 0..3 {
        let mut depacketizer = depacketizer();
        take(&mut depacketizer, 0, 1, true, &payload(&[1], b"x"));
        for fragment in (0..3).filter(|fragment| *fragment != lost) {
            let got = take(&mut depacketizer, 1 + fragment, 9, fragment == 2, &payload(&[9], b"abc"));
            assert_eq!(got, [], "{lost}");
        }
        assert_eq!(take(&mut depacketizer, 4, 1_033, true, &payload(&[2], b"ok")), [frame(b"ok", 1_033)], "{lost}");
    }
}

#[test]
fn late_packets_and_those_of_another_time_are_no_part_of_a_unit() {
    let mut depacketizer = depacketizer();
    take(&mut depacketizer, 10, 9, false, &payload(&[6], b"abc"));
    assert_eq!(take(&mut depacketizer, 9, 9, true, &payload(&[3], b"old")), [], "late");
    assert_eq!(take(&mut depacketizer, 11, 9 + 1_024, true, &payload(&[6], b"def")), [], "of another unit");
}

#[test]
fn malformed_packets_give_nothing() {
    let mut depacketizer = depacketizer();
    let interleaved = [0, 32, 0, 8, 0, 9, b'a', b'b'];
    let too_many = payload(&[1; UNITS_MAX + 1], &[0; UNITS_MAX + 1]);
    for (number, bad) in [
        &[][..],
        &[0],
        &[0, 16, 0],
        &[0, 15, 0, 24, 1, 2, 3],
        &[0xff, 0xff, 0, 8],
        &[0, 16, 0, 0, 1],
        &interleaved,
        &too_many,
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(take(&mut depacketizer, number as u16, 0, true, bad), [], "{bad:x?}");
    }
    let cut = take(&mut depacketizer, 8, 0, true, &payload(&[2, 3], b"deab"));
    assert_eq!(cut, [frame(b"de", 0)], "what is whole");
}

#[test]
fn units_are_counted_where_they_end() {
    let count = |marker, payload: &[u8]| {
        let time = MediaTime::default();
        Layout::HIGH_BIT_RATE.count(&Packet { payload_type: 97, sequence: 1, time, ssrc: 7, marker, payload })
    };
    assert_eq!(count(true, &payload(&[2, 3], b"deabc")), 2);
    assert_eq!(
        (count(false, &payload(&[9], b"abc")), count(true, &payload(&[9], b"abc")), count(true, &[1])),
        (0, 1, 0)
    );
}

proptest! {
    #[test]
    fn whatever_comes_no_more_comes_out(
        packets in prop::collection::vec((any::<u16>(), any::<u32>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..60)), 1..40),
        bits in (1_u8..=16, 0_u8..=16, 0_u8..=16),
    ) {
        let config = AacConfig::parse(&[0x11, 0x90]).expect("a configuration");
        let layout = Layout { size: bits.0, index: bits.1, delta: bits.2 };
        let mut depacketizer = Depacketizer::new(layout, &config, HZ);
        let (mut came, mut out) = (0, 0);
        for (sequence, ticks, marker, payload) in packets {
            came += payload.len();
            out += take(&mut depacketizer, sequence, ticks, marker, &payload).iter().map(|f| f.data.len()).sum::<usize>();
            prop_assert!(out <= came);
        }
    }
}
