use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::h264::nals;
use crate::rtp::HEADER_LEN;
use crate::rtp::h264::packetizer::{PAYLOAD_MAX, Packetizer};
use crate::rtp::packets::Packets;

const SPS: &[u8] = &[0x67, 0x42, 0xc0, 0x1e, 0x8c, 0x8d, 0x40, 0x50, 0x1e, 0x90, 0x0f, 0x08, 0x84, 0x6a];
const PPS: &[u8] = &[0x68, 0xce, 0x3c, 0x80];
const RECOVERY: &[u8] = &[0x06, 0x06, 0x01, 0x1b, 0x80];
/// Ticks between two access units.
const FRAME: u32 = 3_000;

fn slice(header: u8, len: usize) -> Vec<u8> {
    let mut nal = vec![0xab; len.max(2)];
    (nal[0], nal[1]) = (header, 0x88);
    nal
}

/// Makes packets, one access unit after the other, each a millisecond after the one before.
struct Source {
    packetizer: Packetizer,
    time: MediaTime,
    packets: Vec<Vec<u8>>,
}

impl Source {
    fn new() -> Self {
        Self { packetizer: Packetizer::new(7, 65_530), time: MediaTime::default(), packets: Vec::new() }
    }

    /// Gives the access unit's media time.
    fn send(&mut self, nals: &[&[u8]]) -> MediaTime {
        self.time = MediaTime::from_ticks(self.time.ticks() + FRAME);
        let mut packets = Packets::default();
        self.packetizer.packetize(nals, self.time, &mut packets);
        self.packets.extend(packets.iter().map(<[u8]>::to_vec));
        self.time
    }

    fn key(&mut self) -> MediaTime {
        self.send(&[SPS, PPS, &slice(0x65, 4_000)])
    }

    fn delta(&mut self) -> MediaTime {
        self.send(&[&slice(0x41, 2_000)])
    }
}

fn at(number: usize) -> MonoTime {
    MonoTime::from_origin(Duration::from_millis(number as u64))
}

fn play<'p>(depacketizer: &mut Depacketizer, packets: impl IntoIterator<Item = &'p Vec<u8>>) -> Vec<Event> {
    let events = packets.into_iter().enumerate().flat_map(|(number, packet)| {
        depacketizer.handle_packet(at(number), &Packet::parse(packet).expect("a good header"))
    });
    events.collect()
}

/// Media times of the frames, and of what was dropped.
fn times(events: &[Event]) -> (Vec<MediaTime>, Vec<(MediaTime, Dropped)>) {
    let (mut frames, mut dropped) = (Vec::new(), Vec::new());
    for event in events {
        match event {
            Event::Frame(frame) => frames.push(frame.encoded.time),
            Event::Dropped(time, why) => dropped.push((*time, *why)),
        }
    }
    (frames, dropped)
}

/// One packet with this payload.
fn packet(sequence: u16, time: u32, marker: bool, payload: &[u8]) -> Packet<'_> {
    Packet { payload_type: 96, sequence, time: MediaTime::from_ticks(time), ssrc: 7, marker, payload }
}

#[test]
fn an_access_unit_comes_out_with_its_last_packet_and_the_arrival_of_its_first() {
    let mut source = Source::new();
    let (sei, idr, p) = (slice(0x06, 90), slice(0x65, 5_000), slice(0x41, 3_000));
    let key = source.send(&[SPS, PPS, &sei, &idr]);
    let packets_of_key = source.packets.len();
    let delta = source.send(&[&p]);
    let events = play(&mut Depacketizer::new(&[]), &source.packets);
    let [Event::Frame(first), Event::Frame(second)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(
        (first.encoded.time, first.encoded.is_key, first.starts_decoding, first.arrived),
        (key, true, true, at(0))
    );
    assert_eq!(nals(&first.encoded.data).collect::<Vec<_>>(), [SPS, PPS, &sei, &idr]);
    assert_eq!((second.encoded.time, second.encoded.is_key, second.starts_decoding), (delta, false, false));
    assert_eq!((nals(&second.encoded.data).collect::<Vec<_>>(), second.arrived), (vec![&p[..]], at(packets_of_key)));
}

#[test]
fn a_hole_costs_everything_up_to_the_next_key_frame_and_is_told() {
    let mut source = Source::new();
    let times_sent = [source.key(), source.delta()];
    let ends = source.packets.len();
    let lost = source.delta();
    let after = source.delta();
    let key = source.key();
    for hole in ends..ends + 2 {
        let mut packets = source.packets.clone();
        packets.remove(hole);
        let mut depacketizer = Depacketizer::new(&[]);
        let (frames, dropped) = times(&play(&mut depacketizer, &packets));
        assert_eq!(frames, [&times_sent[..], &[key]].concat(), "packet {hole}");
        let second = if hole == ends + 1 { Dropped::Incomplete } else { Dropped::Undecodable };
        assert_eq!(dropped, [(lost, Dropped::Incomplete), (after, second)], "packet {hole}");
        assert!(!depacketizer.waits_for_key());
    }
}

#[test]
fn a_frame_of_which_nothing_came_closes_the_gate_as_well() {
    let mut source = Source::new();
    let first = source.key();
    let gap = source.packets.len();
    source.delta();
    let gap = gap..source.packets.len();
    let after = source.delta();
    source.packets.drain(gap);
    let mut depacketizer = Depacketizer::new(&[]);
    let (frames, dropped) = times(&play(&mut depacketizer, &source.packets));
    assert_eq!((frames, dropped), (vec![first], vec![(after, Dropped::Incomplete)]), "its front may be missing");
    assert!(depacketizer.waits_for_key());
}

#[test]
fn a_stream_that_is_joined_within_a_key_frame_begins_with_the_next() {
    let mut source = Source::new();
    let slices = [slice(0x65, 4_000), [&[0x65, 0x40][..], &[0xab; 500]].concat()];
    let first = source.send(&[SPS, PPS, &slices[0], &slices[1]]);
    let next = source.key();
    let sets = [SPS.to_vec(), PPS.to_vec()];
    for joined_at in 2..source.packets.len() - 4 {
        let events = play(&mut Depacketizer::new(&sets), &source.packets[joined_at..]);
        assert_eq!(times(&events), (vec![next], vec![(first, Dropped::Incomplete)]), "packet {joined_at}");
    }
}

#[test]
fn late_packets_and_copies_change_nothing() {
    let mut source = Source::new();
    source.key();
    source.delta();
    let expected = play(&mut Depacketizer::new(&[]), &source.packets);
    let twice: Vec<_> = source.packets.iter().flat_map(|packet| [packet, &source.packets[0], packet]).collect();
    let (frames, dropped) = times(&play(&mut Depacketizer::new(&[]), twice));
    assert_eq!((frames, dropped), times(&expected));
}

#[test]
fn a_sender_without_markers_is_one_frame_late() {
    let mut source = Source::new();
    let sent = [source.key(), source.delta(), source.delta()];
    source.packets.iter_mut().for_each(|packet| packet[1] &= 0x7f);
    assert_eq!(times(&play(&mut Depacketizer::new(&[]), &source.packets)), (sent[..2].to_vec(), vec![]));
}

#[test]
fn parameter_sets_come_from_the_description_or_from_a_marked_packet_of_their_own() {
    let idr = slice(0x65, 50);
    let sent = [&[0, 0, 0, 1][..], SPS, &[0, 0, 0, 1], PPS, &[0, 0, 0, 1], &idr].concat();
    let mut described = Depacketizer::new(&[SPS.to_vec(), PPS.to_vec()]);
    let events: Vec<_> = described.handle_packet(at(0), &packet(1, 0, true, &idr)).collect();
    let [Event::Frame(frame)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&frame.encoded.data, frame.encoded.is_key), (&sent, true));

    for time_of_sets in [0, 900] {
        let mut apart = Depacketizer::new(&[]);
        assert_eq!(apart.handle_packet(at(0), &packet(1, time_of_sets, false, SPS)).next(), None);
        assert_eq!(apart.handle_packet(at(1), &packet(2, time_of_sets, true, PPS)).next(), None);
        let events: Vec<_> = apart.handle_packet(at(2), &packet(3, 0, true, &idr)).collect();
        let [Event::Frame(frame)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(frame.encoded.data, sent);
    }

    let mut neither = Depacketizer::new(&[PPS.to_vec()]);
    let events: Vec<_> = neither.handle_packet(at(0), &packet(1, 0, true, &idr)).collect();
    assert_eq!(events, [Event::Dropped(MediaTime::default(), Dropped::NoParameterSets)]);
}

#[test]
fn parameter_sets_are_put_behind_the_delimiter() {
    let mut depacketizer = Depacketizer::new(&[SPS.to_vec(), PPS.to_vec()]);
    let (aud, idr) = ([0x09, 0xf0], [0x65, 0x88, 0x84]);
    depacketizer.handle_packet(at(0), &packet(1, 0, false, &aud)).for_each(drop);
    let events: Vec<_> = depacketizer.handle_packet(at(0), &packet(2, 0, true, &idr)).collect();
    let [Event::Frame(frame)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(nals(&frame.encoded.data).collect::<Vec<_>>(), [&aud[..], SPS, PPS, &idr]);
}

#[test]
fn decoding_begins_at_a_recovery_point_too() {
    let mut source = Source::new();
    let before = source.delta();
    let point = source.send(&[RECOVERY, &slice(0x41, 300)]);
    let sets = [SPS.to_vec(), PPS.to_vec()];
    let events = play(&mut Depacketizer::new(&sets), &source.packets);
    assert_eq!(times(&events), (vec![point], vec![(before, Dropped::Undecodable)]));
    assert!(matches!(&events[1], Event::Frame(frame) if frame.starts_decoding && !frame.encoded.is_key));
}

#[test]
fn a_source_that_starts_again_starts_at_a_key_frame() {
    let mut source = Source::new();
    let mut sent = vec![source.key()];
    for (ssrc, sequence) in [(7, 30_000), (8, 30_005)] {
        source.packetizer = Packetizer::new(ssrc, sequence);
        source.delta();
        sent.push(source.key());
    }
    assert_eq!(times(&play(&mut Depacketizer::new(&[]), &source.packets)).0, sent);
}

#[test]
fn malformed_payloads_are_told_and_healed_by_the_next_key_frame() {
    let mut key = Source::new();
    key.key();
    for payloads in [
        vec![&[0x18, 0][..]],
        vec![&[0x18, 0, 9, 0x41]],
        vec![&[0x18, 0, 1, 0x1c]],
        vec![&[0x1c]],
        vec![&[0x1c, 0x01, 1]],
        vec![&[0x1c, 0x81, 1], &[0x1c, 0x81, 1]],
        vec![&[0x1c, 0x81, 1], &[0x41, 0x88]],
        vec![&[0x1c, 0x9c, 1]],
        vec![&[0x1d, 0x81, 1]],
        vec![&[0x40, 1]],
    ] {
        let mut depacketizer = Depacketizer::new(&[]);
        assert_eq!(depacketizer.handle_packet(at(0), &packet(64_999, 0, true, &[0x09, 0xf0])).next(), None);
        let events = payloads.iter().enumerate().flat_map(|(number, payload)| {
            let marker = number + 1 == payloads.len();
            depacketizer.handle_packet(at(0), &packet(65_000 + number as u16, 1, marker, payload))
        });
        let events: Vec<_> = events.collect();
        assert_eq!(events, [Event::Dropped(MediaTime::from_ticks(1), Dropped::Malformed)], "{payloads:02x?}");
        assert_eq!(times(&play(&mut depacketizer, &key.packets)).0.len(), 1);
    }
}

/// What comes of packets at these times, marked or not, with a packet left out where the payload is `None`.
fn outcome(packets: &[(u32, bool, Option<&[u8]>)]) -> (Vec<u32>, Vec<(u32, Dropped)>) {
    let mut depacketizer = Depacketizer::new(&[SPS.to_vec(), PPS.to_vec()]);
    let came = (0..)
        .zip(packets)
        .filter_map(|(sequence, &(time, marker, payload))| Some(packet(sequence, time, marker, payload?)));
    let events: Vec<_> = came.flat_map(|packet| depacketizer.handle_packet(at(0), &packet)).collect();
    let (frames, dropped) = times(&events);
    (frames.iter().map(|time| time.ticks()).collect(), dropped.iter().map(|(time, why)| (time.ticks(), *why)).collect())
}

const IDR: &[u8] = &[0x65, 0x88, 1];
const LATER_SLICE: &[u8] = &[0x65, 0x40, 1];
const DELTA: &[u8] = &[0x41, 0x9a];

/// Padding keeps a NAT's mapping alive, or measures bandwidth.
#[test]
fn packets_without_payload_are_no_part_of_any_access_unit() {
    let padding = Some(&[][..]);
    let (start, end) = (Some(&[0x7c, 0x85, 0x88][..]), Some(&[0x7c, 0x45, 1][..]));
    for time_of_padding in [1, 9] {
        for marker in [false, true] {
            let padding = (time_of_padding, marker, padding);
            let packets = [padding, (1, false, start), padding, (1, true, end), padding, (2, true, Some(DELTA))];
            assert_eq!(outcome(&packets), (vec![1, 2], vec![]));
        }
    }
    let behind_a_loss = [(1, true, Some(IDR)), (2, false, None), (2, false, padding), (2, true, Some(DELTA))];
    assert_eq!(outcome(&behind_a_loss), (vec![1], vec![(2, Dropped::Incomplete)]), "the loss counts all the same");
    let joined = [(1, false, padding), (1, true, Some(LATER_SLICE)), (2, true, Some(IDR))];
    assert_eq!(outcome(&joined), (vec![2], vec![(1, Dropped::Incomplete)]), "and so does the beginning");
}

#[test]
fn the_first_slice_of_an_idr_picture_ends_what_a_loss_costs() {
    let (start, end) = (Some(&[0x7c, 0x85, 0x88][..]), Some(&[0x7c, 0x45, 1][..]));
    let lost = (2, true, None);
    let before = (1, true, Some(IDR));
    assert_eq!(outcome(&[before, lost, (3, true, Some(IDR))]), (vec![1, 3], vec![]));
    assert_eq!(outcome(&[before, lost, (3, false, start), (3, true, end)]), (vec![1, 3], vec![]));
    let stap = [&[0x78, 0, 3][..], IDR].concat();
    assert_eq!(outcome(&[before, lost, (3, true, Some(&stap))]), (vec![1, 3], vec![]));
    for other in [LATER_SLICE, &[0x7c, 0x85, 0x40], &[0x41, 0x9a], &[0x65]] {
        assert_eq!(outcome(&[before, lost, (3, true, Some(other))]), (vec![1], vec![(3, Dropped::Incomplete)]));
    }
}

/// They, and the publisher's stamp, may have been in the packet that was lost.
#[test]
fn an_idr_picture_without_the_parameter_sets_that_come_with_others_has_lost_its_front() {
    let mut source = Source::new();
    let (first, ends) = (source.key(), source.packets.len());
    let second = source.key();
    source.packets.remove(ends);
    let events = play(&mut Depacketizer::new(&[]), &source.packets);
    assert_eq!(times(&events), (vec![first], vec![(second, Dropped::Incomplete)]));
}

/// Some cameras mark each slice.
#[test]
fn what_else_comes_of_a_dropped_access_unit_is_no_unit_of_its_own() {
    let (before, lost, later) = ((1, true, Some(IDR)), (2, true, None), (2, true, Some(LATER_SLICE)));
    assert_eq!(outcome(&[before, lost, later, later]), (vec![1], vec![(2, Dropped::Incomplete)]));
    // A sender whose time stands still is not given up.
    let anew = [before, lost, later, (2, true, Some(IDR)), (3, true, Some(DELTA))];
    assert_eq!(outcome(&anew), (vec![1, 2, 3], vec![(2, Dropped::Incomplete)]));
}

#[test]
fn a_fragment_without_end_is_incomplete() {
    let mut depacketizer = Depacketizer::new(&[SPS.to_vec(), PPS.to_vec()]);
    assert_eq!(depacketizer.handle_packet(at(0), &packet(1, 1, true, &[0x7c, 0x85, 0x88])).next(), None);
    let events: Vec<_> = depacketizer.handle_packet(at(0), &packet(2, 2, true, &[0x65, 0x88])).collect();
    assert_eq!(events[0], Event::Dropped(MediaTime::from_ticks(1), Dropped::Incomplete));
    assert!(matches!(&events[1], Event::Frame(frame) if frame.encoded.is_key));
}

#[test]
fn an_access_unit_without_end_and_one_full_of_sets_hold_no_memory() {
    let mut depacketizer = Depacketizer::new(&[]);
    let part = [&[0x1c, 0x01][..], &[0xab; 60_000]].concat();
    depacketizer.handle_packet(at(0), &packet(0, 0, false, &[0x1c, 0x81])).for_each(drop);
    for number in 1..2_000 {
        assert_eq!(depacketizer.handle_packet(at(0), &packet(number, 0, false, &part)).next(), None);
        assert!(depacketizer.data.capacity() <= 2 * FRAME_MAX);
    }
    let end = depacketizer.handle_packet(at(0), &packet(2_000, 0, true, &part)).next();
    assert_eq!(end, Some(Event::Dropped(MediaTime::default(), Dropped::TooLong)));

    let sets: Vec<u8> = [&[0x18][..], &[0, 2, 0x68, 0x80].repeat(1_000)].concat();
    let end = depacketizer.handle_packet(at(0), &packet(2_001, 1, true, &sets)).next();
    assert_eq!(end, Some(Event::Dropped(MediaTime::from_ticks(1), Dropped::Malformed)));
}

proptest! {
    #[test]
    fn whatever_is_lost_doubled_or_late_only_whole_frames_come_out_and_none_that_refers_to_a_lost_one(
        units in proptest::collection::vec((any::<bool>(), 2..4 * PAYLOAD_MAX), 1..30),
        fate in proptest::collection::vec(0..20u8, 200),
    ) {
        let mut source = Source::new();
        let sent: Vec<_> = units.iter().map(|&(key, len)| {
            let slice = slice(if key { 0x65 } else { 0x41 }, len);
            let nals = if key { vec![SPS, PPS, &slice] } else { vec![&slice[..]] };
            (key, source.send(&nals), nals.concat())
        }).collect();
        let mut packets = Vec::new();
        for (packet, fate) in source.packets.iter().zip(fate.iter().cycle()) {
            match fate {
                0 => {}
                1 => packets.extend([packet, packet]),
                2 => packets.insert(packets.len().saturating_sub(1), packet),
                _ => packets.push(packet),
            }
        }
        let events = play(&mut Depacketizer::new(&[]), packets);
        let mut last = None;
        for event in &events {
            let Event::Frame(frame) = event else { continue };
            let number = sent.iter().position(|(_, time, _)| *time == frame.encoded.time).expect("a frame that was sent");
            let (key, _, nal_bytes) = &sent[number];
            prop_assert_eq!(&nals(&frame.encoded.data).collect::<Vec<_>>().concat(), nal_bytes);
            prop_assert_eq!(frame.encoded.is_key, *key);
            prop_assert!(*key || last == number.checked_sub(1), "{} after {:?}", number, last);
            last = Some(number);
        }
    }

    #[test]
    fn arbitrary_packets_never_panic_and_never_hold_more_than_they_say(
        packets in proptest::collection::vec((any::<u16>(), 0u32..3, any::<bool>(), any::<Vec<u8>>()), 0..50),
    ) {
        let mut depacketizer = Depacketizer::new(&[SPS.to_vec(), PPS.to_vec()]);
        for (number, time, marker, payload) in &packets {
            let packet = packet(number % 8, *time, *marker, payload);
            for event in depacketizer.handle_packet(at(0), &packet) {
                if let Event::Frame(frame) = event {
                    prop_assert!(frame.encoded.data.len() < 50 * 1_000 && nals(&frame.encoded.data).count() > 0);
                }
            }
            prop_assert!(packet.payload.len() + HEADER_LEN < 2_000);
        }
    }
}
