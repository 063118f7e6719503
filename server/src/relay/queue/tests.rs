use common::rtsp::serve::{Packet, PacketKind};

use super::*;

/// One packet per frame; every tenth opens.
fn video(frame: u64, length: usize) -> Marked {
    let packet = Packet { track: 0, kind: PacketKind::Rtp, bytes: vec![frame as u8; length].into() };
    Marked { packet, mark: Mark::Video { frame, first: true, opens: frame % 10 == 1 } }
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
    let mut queue = Queue::default();
    queue.push_media(at(0), &video(1, 3), 6);
    queue.push_control(at(0), Bytes::from_static(b"RTSP")).expect("room");
    queue.push_media(at(0), &video(2, 2), 6);
    let whole = b"$\x06\0\x03\x01\x01\x01RTSP$\x06\0\x02\x02\x02";
    for cut in 0..=whole.len() {
        let mut rest = Queue::default();
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
    let mut queue = Queue::default();
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
    let mut queue = Queue::default();
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
    let part = |first, mark| {
        let packet = Packet { track: 0, kind: PacketKind::Rtp, bytes: vec![first; 10].into() };
        Marked { packet, mark }
    };
    let video = |frame, first| Mark::Video { frame, first, opens: first };
    let mut queue = Queue::default();
    queue.push_media(at(0), &part(1, video(1, true)), 0);
    queue.push_media(at(0), &part(2, video(1, false)), 0);
    queue.advance(14);
    queue.push_media(at(2_000), &part(3, video(2, true)), 0);
    assert_eq!(bytes(&queue)[4..], [2; 10], "the second half of the frame, and nothing else");

    let mut queue = Queue::default();
    queue.push_media(at(0), &part(1, Mark::Free), 1);
    queue.push_media(at(0), &part(2, Mark::Free), 1);
    queue.advance(5);
    queue.push_media(at(2_000), &part(3, video(1, true)), 0);
    assert_eq!(bytes(&queue), [1; 9], "the rest of the packet, and nothing else");
}

/// A packet of a frame without end.
fn part(first: bool, length: usize) -> Marked {
    let packet = Packet { track: 0, kind: PacketKind::Rtp, bytes: vec![0; length].into() };
    Marked { packet, mark: Mark::Video { frame: 1, first, opens: first } }
}

fn report() -> Marked {
    let packet = Packet { track: 0, kind: PacketKind::Rtcp, bytes: Bytes::from_static(b"sender report") };
    Marked { packet, mark: Mark::Free }
}

/// The bytes of an entry with a body of `length`.
fn cost(length: usize) -> usize {
    length + ENTRY_OVERHEAD
}

#[test]
fn memory_is_bounded_for_frames_without_end_and_for_many_small_packets() {
    let mut queue = Queue::default();
    for index in 0..1_000 {
        queue.push_media(at(0), &part(index == 0, 60_000), 0);
        assert!(queue.media_bytes <= HARD_FACTOR * MAX_BYTES + cost(60_000));
    }
    assert_eq!((queue.gate().skipped_frames(), queue.gate().closings()), (1, 1));

    let mut queue = Queue::default();
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
    let mut queue = Queue::default();
    full(&mut queue, 10);
    let (waits, visited) = (queue.media_packets(), queue.visited);
    assert!(waits > 10_000 && visited <= waits, "each is looked at once: {visited} of {waits}");
    for _ in 0..10_000 {
        queue.push_media(at(0), &report(), 1);
        assert_eq!((queue.visited, queue.media_packets()), (visited, waits), "and never again");
    }

    // Nor do responses that nobody reads cost the frames that come behind them anything.
    let mut queue = Queue::default();
    let responses = (0..).take_while(|_| queue.push_control(at(0), Bytes::from_static(b"OK")).is_ok()).count();
    for frame in 1..=10_000 {
        queue.push_media(at(2_000), &video(frame, 100), 0);
        assert_eq!((queue.visited, queue.media_packets()), (responses, 0));
    }
}

#[test]
fn a_queue_that_was_long_gives_its_places_back() {
    let mut queue = Queue::default();
    for _ in 0..20_000 {
        queue.push_media(at(0), &report(), 1);
    }
    let long = queue.entries.capacity();
    queue.push_media(at(2_000), &video(1, 100), 0);
    assert!(long > 10 * queue.entries.capacity(), "given up: {long} and {}", queue.entries.capacity());

    let mut queue = Queue::default();
    for _ in 0..20_000 {
        queue.push_media(at(0), &report(), 1);
    }
    while queue.media_packets() > 0 {
        queue.advance(17);
        assert!(queue.entries.capacity() <= 4 * queue.entries.len().max(SPARE_ENTRIES));
    }
}

#[test]
fn where_memory_is_short_long_queues_are_cut_and_short_ones_lose_nothing() {
    let memory = Memory::default();
    let mut short = Queue::new(memory.clone());
    short.push_media(at(0), &video(1, 60_000), 0);
    short.settle();
    let queues = || {
        let mut queue = Queue::new(memory.clone());
        queue.push_media(at(0), &part(true, 60_000), 0);
        queue.advance(1);
        while queue.gate().is_open() {
            queue.push_media(at(0), &part(false, 60_000), 0);
            queue.settle();
        }
        queue
    };
    let many: Vec<_> = (0..200).map(|_| queues()).collect();
    let most = HARD_FACTOR * MAX_BYTES + cost(60_000);
    assert!(many.iter().all(|queue| queue.media_bytes <= most));
    let total: usize = many.iter().map(|queue| queue.media_bytes).sum();
    let bound = (256 << 20) + most + many.len() * (HARD_FACTOR * FAIR_BYTES + cost(60_000));
    assert!(total < bound && total > bound / 2, "{total} of {bound}");

    (1..5).for_each(|index| short.push_media(at(index), &video(10 * index + 1, 60_000), 0));
    assert_eq!((short.media_packets(), short.dropped_packets()), (5, 0));
    short.push_media(at(10), &video(51, 60_000), 0);
    assert_eq!((short.media_packets(), short.dropped_packets()), (1, 5), "300 kB are no short queue");
    drop(many);
    (6..30).for_each(|index| short.push_media(at(index), &video(10 * index + 1, 60_000), 0));
    assert_eq!(short.dropped_packets(), 5, "there is room again");
}

#[test]
fn who_does_not_read_responses_gets_no_more() {
    let mut queue = Queue::default();
    let response = Bytes::from(vec![b'x'; 1_000]);
    let taken = (0..10_000).take_while(|_| queue.push_control(at(0), response.clone()).is_ok()).count();
    assert_eq!(taken, MAX_CONTROL_BYTES / cost(1_000));
}

#[test]
fn playing_anew_waits_for_an_idr_again() {
    let mut queue = Queue::default();
    queue.push_media(at(0), &video(1, 10), 0);
    queue.restart();
    queue.push_media(at(0), &video(2, 10), 0);
    assert_eq!((queue.media_packets(), queue.dropped_packets()), (1, 0));
}
