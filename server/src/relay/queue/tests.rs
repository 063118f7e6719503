use std::net::IpAddr;
use std::sync::Arc;

use common::rtsp::serve::{Packet, PacketKind};

use super::entry::ENTRY_OVERHEAD;
use super::*;
use crate::relay::{Account, Memory};

fn empty() -> Queue {
    queue_in(&Memory::default(), 1).1
}

/// A queue of a connection from address number `peer`.
fn queue_in(memory: &Memory, peer: u8) -> (Arc<Account>, Queue) {
    let account = memory.open(IpAddr::from([192, 0, 2, peer]));
    let queue = Queue::new(account.share());
    (account, queue)
}

/// One packet per frame; every tenth opens.
fn video(frame: u64, length: usize) -> Placed {
    let packet = Packet { track: 0, kind: PacketKind::Rtp, bytes: vec![frame as u8; length].into() };
    Placed { packet, position: FramePosition::Video { frame, first: true, opens: frame % 10 == 1 } }
}

fn at(millis: u64) -> MonoTime {
    MonoTime::from_origin(Duration::from_millis(millis))
}

/// Everything that waits, as it would go out.
fn bytes(queue: &Queue) -> Vec<u8> {
    let mut slices = [IoSlice::new(&[]); 64];
    let used = queue.fill(&mut slices);
    slices[..used].iter().flat_map(|slice| slice.to_vec()).collect()
}

#[test]
fn responses_and_frames_go_out_in_order_wherever_a_write_ends() {
    let mut queue = empty();
    queue.push_media(at(0), &video(1, 3), 6);
    queue.push_control(at(0), Bytes::from_static(b"RTSP")).expect("room");
    queue.push_media(at(0), &video(2, 2), 6);
    let whole = b"$\x06\0\x03\x01\x01\x01RTSP$\x06\0\x02\x02\x02";
    for cut in 0..=whole.len() {
        let mut rest = empty();
        rest.push_media(at(0), &video(1, 3), 6);
        rest.push_control(at(0), Bytes::from_static(b"RTSP")).expect("room");
        rest.push_media(at(0), &video(2, 2), 6);
        rest.advance(cut);
        assert_eq!(bytes(&rest), whole[cut..], "{cut}");
    }
    assert_eq!(bytes(&queue), whole);
    queue.advance(whole.len());
    assert_eq!((queue.media_packets, queue.media_bytes, queue.control_bytes), (0, 0, 0));
}

#[test]
fn a_reader_that_stands_still_loses_whole_frames_up_to_an_idr_it_can_take() {
    let mut queue = empty();
    for frame in 1..=40 {
        queue.push_media(at(frame * 33), &video(frame, 1_000), 0);
    }
    // Frame 1 was let in at 33 ms; frame 32 came more than MAX_AGE later: 31 are thrown away, and frame 41 opens.
    assert_eq!((queue.gate().skipped_frames(), queue.dropped_packets()), (40, 40));
    assert!(bytes(&queue).is_empty() && !queue.gate().is_open());
    queue.push_media(at(41 * 33), &video(41, 1_000), 0);
    assert_eq!((queue.media_packets(), queue.gate().skipped_frames()), (1, 40));
}

#[test]
fn a_frame_that_has_begun_to_go_out_is_not_torn() {
    let mut queue = empty();
    queue.push_media(at(0), &video(1, 100), 0);
    queue.push_media(at(0), &video(2, 100), 0);
    queue.advance(50);
    queue.push_control(at(0), Bytes::from_static(b"reply")).expect("room");
    queue.push_media(at(2_000), &video(3, 100), 0);
    let rest = bytes(&queue);
    assert_eq!((rest.len(), &rest[54..]), (54 + 5, &b"reply"[..]), "the rest of frame 1, and the response");
    queue.push_media(at(2_001), &video(11, 100), 0);
    assert!(!queue.gate().is_open(), "what waits is as old as ever");
    queue.advance(rest.len());
    queue.push_media(at(2_002), &video(21, 100), 0);
    assert!(queue.gate().is_open());
    assert_eq!(queue.gate().skipped_frames(), 3);
}

#[test]
fn the_rest_of_a_frame_and_of_a_report_goes_out_too() {
    let part = |first, position| {
        let packet = Packet { track: 0, kind: PacketKind::Rtp, bytes: vec![first; 10].into() };
        Placed { packet, position }
    };
    let video = |frame, first| FramePosition::Video { frame, first, opens: first };
    let mut queue = empty();
    queue.push_media(at(0), &part(1, video(1, true)), 0);
    queue.push_media(at(0), &part(2, video(1, false)), 0);
    queue.advance(14);
    queue.push_media(at(2_000), &part(3, video(2, true)), 0);
    assert_eq!(bytes(&queue)[4..], [2; 10], "the second half of the frame, and nothing else");

    let mut queue = empty();
    queue.push_media(at(0), &part(1, FramePosition::Free), 1);
    queue.push_media(at(0), &part(2, FramePosition::Free), 1);
    queue.advance(5);
    queue.push_media(at(2_000), &part(3, video(1, true)), 0);
    assert_eq!(bytes(&queue), [1; 9], "the rest of the packet, and nothing else");
}

/// A packet of a frame without end.
fn part(first: bool, length: usize) -> Placed {
    let packet = Packet { track: 0, kind: PacketKind::Rtp, bytes: vec![0; length].into() };
    Placed { packet, position: FramePosition::Video { frame: 1, first, opens: first } }
}

fn report() -> Placed {
    let packet = Packet { track: 0, kind: PacketKind::Rtcp, bytes: Bytes::from_static(b"sender report") };
    Placed { packet, position: FramePosition::Free }
}

/// The bytes of an entry with a body of `length`.
fn cost(length: usize) -> usize {
    length + ENTRY_OVERHEAD
}

#[test]
fn memory_is_bounded_for_frames_without_end_and_for_many_small_packets() {
    let mut queue = empty();
    for index in 0..1_000 {
        queue.push_media(at(0), &part(index == 0, 60_000), 0);
        assert!(queue.media_bytes <= HARD_FACTOR * MAX_BYTES + cost(60_000));
    }
    assert_eq!((queue.gate().skipped_frames(), queue.gate().closings()), (1, 1));

    let mut queue = empty();
    let mut most = 0;
    for _ in 0..100_000 {
        queue.push_media(at(0), &report(), 1);
        most = most.max(queue.media_packets());
    }
    let held = most * (size_of::<Entry>() + b"sender report".len());
    assert!(held < HARD_FACTOR * MAX_BYTES, "the entries themselves count: {most}");
}

#[test]
fn work_does_not_grow_with_what_waits() {
    let full = |queue: &mut Queue, length| {
        queue.push_media(at(0), &part(true, length), 0);
        queue.advance(1);
        while queue.gate().is_open() {
            queue.push_media(at(0), &part(false, length), 0);
        }
    };
    // The rest of a frame that has begun fills the queue, and stays. Reports always pass, and find it full.
    let mut queue = empty();
    full(&mut queue, 10);
    let (waits, visited) = (queue.media_packets(), queue.visited);
    assert!(waits > 10_000 && visited <= waits, "each is looked at once: {visited} of {waits}");
    for _ in 0..10_000 {
        queue.push_media(at(0), &report(), 1);
        assert_eq!((queue.visited, queue.media_packets()), (visited, waits), "and never again");
    }

    // Nor do responses that nobody reads cost the frames that come behind them anything.
    let mut queue = empty();
    let responses = (0..).take_while(|_| queue.push_control(at(0), Bytes::from_static(b"OK")).is_ok()).count();
    for frame in 1..=10_000 {
        queue.push_media(at(2_000), &video(frame, 100), 0);
        assert_eq!((queue.visited, queue.media_packets()), (responses, 0));
    }
}

#[test]
fn a_queue_that_was_long_gives_its_places_back() {
    let mut queue = empty();
    for _ in 0..20_000 {
        queue.push_media(at(0), &report(), 1);
    }
    let long = queue.entries.capacity();
    queue.push_media(at(2_000), &video(1, 100), 0);
    assert!(long > 10 * queue.entries.capacity(), "given up: {long} and {}", queue.entries.capacity());

    let mut queue = empty();
    for _ in 0..20_000 {
        queue.push_media(at(0), &report(), 1);
    }
    while queue.media_packets() > 0 {
        queue.advance(17);
        assert!(queue.entries.capacity() <= 4 * queue.entries.len().max(SPARE_ENTRIES));
    }
}

/// As full as it gets, with a frame that has begun to go out.
fn fill(queue: &mut Queue) {
    queue.push_media(at(0), &part(true, 60_000), 0);
    queue.advance(1);
    while queue.gate().is_open() {
        queue.push_media(at(0), &part(false, 60_000), 0);
    }
    queue.update();
}

#[test]
fn where_memory_is_short_the_queues_of_one_address_are_cut_and_those_of_others_are_not() {
    let memory = Memory::default();
    let (_account, mut other) = queue_in(&memory, 2);
    // As long as any of the others.
    fill(&mut other);
    let held = other.media_bytes;
    let mut many: Vec<_> = (0..100).map(|_| queue_in(&memory, 1)).collect();
    for (account, queue) in &mut many {
        fill(queue);
        if queue.share.gives_way() {
            queue.cut();
            assert!(account.gave_way());
        }
        assert!(memory.held() <= 256 << 20 || memory.times_short() > 0);
    }
    assert!(memory.times_short() > 50, "{}", memory.times_short());
    assert!(!other.share.gives_way() && other.media_bytes == held);
    for (account, queue) in &mut many {
        if queue.share.gives_way() {
            queue.cut();
            assert!(queue.media_bytes <= cost(60_000) && account.gave_way(), "the packet that has begun is left");
        }
    }
    assert!(memory.held() <= 256 << 20);
}

#[test]
fn a_queue_that_gives_way_takes_nothing_and_counts_each_frame_once() {
    let memory = Memory::default();
    let (account, mut queue) = queue_in(&memory, 1);
    (1..=3).for_each(|frame| queue.push_media(at(0), &video(frame, 60_000), 0));
    queue.update();
    // Others fill the memory, each of them with less than this one has.
    let mut others: Vec<_> = Vec::new();
    while !queue.share.gives_way() {
        let mut share = memory.open(IpAddr::from(u32::try_from(others.len()).expect("few").to_be_bytes())).share();
        share.update(170_000);
        others.push(share);
    }
    queue.push_media(at(1), &video(4, 1_000), 0);
    queue.push_media(at(1), &report(), 1);
    queue.push_media(at(1), &video(11, 1_000), 0);
    assert_eq!((queue.media_packets(), queue.gate().is_open()), (0, false));
    // A report is of no frame.
    assert_eq!((queue.gate().skipped_frames(), queue.dropped_packets()), (5, 5));
    queue.cut();
    assert!(account.gave_way());
    queue.push_media(at(2), &video(21, 1_000), 0);
    assert_eq!((queue.media_packets(), queue.gate().skipped_frames()), (1, 5));
}

#[test]
fn who_does_not_read_responses_gets_no_more() {
    let mut queue = empty();
    let response = Bytes::from(vec![b'x'; 1_000]);
    let taken = (0..10_000).take_while(|_| queue.push_control(at(0), response.clone()).is_ok()).count();
    assert_eq!(taken, MAX_CONTROL_BYTES / cost(1_000));
}

#[test]
fn playing_anew_waits_for_an_idr_again() {
    let mut queue = empty();
    queue.push_media(at(0), &video(1, 10), 0);
    queue.restart();
    queue.push_media(at(0), &video(2, 10), 0);
    assert_eq!((queue.media_packets(), queue.dropped_packets()), (1, 0));
}
