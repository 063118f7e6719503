use super::*;

fn stamp() -> Stamp {
    let t = WallTime::from_micros;
    let times = PublisherTimes {
        captured: Some(t(1_763_722_799_990_000)),
        stamp: t(1_763_722_800_000_000),
        painted: t(1_763_722_800_000_021),
        encoded: t(1_763_722_800_002_345),
        sent: t(1_763_722_800_002_399),
    };
    let origin = Origin { host: u32::MAX, run: 0x1234_5678 };
    let reference = Some(Reference { id: 7, offset_us: -123_456_789, bound_us: Reference::MAX_BOUND_US });
    let capture_clock = CaptureClock::Monotonic;
    Stamp { stream_id: 255, sequence: SEQUENCE_MODULUS - 1, origin, times, capture_clock, reference }
}

/// Behind a NAL unit's header and another message.
fn in_a_unit(message: &[u8]) -> Vec<u8> {
    [&[6, 1, 2, 0xaa, 0xbb][..], message, &[0x80]].concat()
}

#[test]
fn stamps_come_back() {
    let whole = stamp();
    let times = PublisherTimes { captured: None, ..whole.times };
    let capture_clock = CaptureClock::Implausible;
    let bare = Stamp { stream_id: 0, sequence: 0, origin: Origin::default(), times, capture_clock, reference: None };
    for stamp in [whole, bare] {
        assert_eq!(find(&in_a_unit(&message(&stamp))), Some(stamp));
    }
}

/// What publishers of this version have always sent.
#[test]
fn the_bytes_of_a_message_stay_as_they_are() {
    assert_eq!(WIDTHS.iter().sum::<usize>(), BODY_LEN);
    let bytes: String = message(&stamp())[BODY_AT..].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(bytes, BODY);
}

const BODY: &str = "8381ff87ffffff8fffffffff8191d1acf88391838bb7e7d880ffffffb1f08080\
    80809580808092a980808092df818080808087ffc590e5ebffffffff85d3def6";

#[test]
fn hosts_are_told_apart_and_an_unknown_one_is_zero() {
    let id = "0d1e39a4-0e6a-4f0b-9d2a-6a6f2f2c1b11";
    assert_eq!(host_id(id), host_id(&format!("{id}\n")));
    assert_ne!(host_id(id), host_id("1d1e39a4-0e6a-4f0b-9d2a-6a6f2f2c1b11"));
    assert_eq!((host_id(""), host_id("\n")), (0, 0));
    assert_ne!(host_id(id), 0);
}

#[test]
fn sent_is_put_in_place() {
    let mut nal = in_a_unit(&message(&stamp()));
    let sent = WallTime::from_micros(1_763_722_800_777_777);
    set_sent(&mut nal, sent);
    let times = PublisherTimes { sent, ..stamp().times };
    assert_eq!(find(&nal), Some(Stamp { times, ..stamp() }));
    assert_eq!((&nal[..5], nal.last()), (&[6, 1, 2, 0xaa, 0xbb][..], Some(&0x80)));
    let whole = in_a_unit(&message(&Stamp { times, ..stamp() }));
    assert_eq!(nal, whole, "as if it had been known from the start");
    let mut foreign = [6, 5, 3, 1, 2, 3, 0x80];
    set_sent(&mut foreign, sent);
    assert_eq!(foreign, [6, 5, 3, 1, 2, 3, 0x80]);
}

#[test]
fn the_time_of_sending_is_set_whatever_else_the_message_says() {
    let mut odd = message(&stamp());
    // A clock that no version knows yet.
    odd[BODY_AT + field_at(10)] = 0xff;
    let before = odd;
    set_sent(&mut odd, WallTime::from_micros(1_763_722_800_777_777));
    let changed: Vec<_> = (0..MESSAGE_LEN).filter(|&at| odd[at] != before[at]).map(|at| at - BODY_AT).collect();
    let (sent, crc) = (SENT_AT..SENT_AT + WIDTHS[9], CRC_AT..BODY_LEN);
    assert!(changed.iter().any(|at| sent.contains(at)) && changed.iter().any(|at| crc.contains(at)), "{changed:?}");
    assert!(changed.iter().all(|at| sent.contains(at) || crc.contains(at)), "{changed:?}");
    assert!(odd[BODY_AT..].iter().all(|byte| byte & 0x80 != 0));
}

#[test]
fn no_byte_is_zero_whatever_the_times_are() {
    for micros in [0, 1, -1, i64::MIN, i64::MAX, 1 << 34, -(1 << 34)] {
        let time = WallTime::from_micros(micros);
        let mut stamp = stamp();
        stamp.times.painted = time;
        stamp.times.captured = Some(time);
        assert!(message(&stamp).iter().all(|byte| *byte != 0));
        stamp.times.stamp = time;
        assert!(message(&stamp).iter().all(|byte| *byte != 0));
    }
}

#[test]
fn differences_beyond_the_range_are_cut() {
    let mut far = stamp();
    far.times.captured = Some(WallTime::from_micros(0));
    far.times.sent = WallTime::from_micros(i64::MAX);
    let found = find(&message(&far)).expect("ours").times;
    assert_eq!(found.captured.map(|c| c.micros_since(found.stamp)), Some(UNKNOWN + 1));
    assert_eq!(found.sent.micros_since(found.stamp), MAX_DELTA);
}

#[test]
fn damage_is_refused() {
    let clean = in_a_unit(&message(&stamp()));
    let ours = 5 + 2;
    for byte in ours..ours + UUID.len() + BODY_LEN {
        for bit in 0..8 {
            let mut damaged = clean.clone();
            damaged[byte] ^= 1 << bit;
            assert_eq!(find(&damaged), None, "byte {byte} bit {bit}");
        }
    }
    for end in 0..ours + UUID.len() + BODY_LEN {
        assert_eq!(find(&clean[..end]), None, "cut at {end}");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        proptest::prop_assert_eq!(find(&bytes), None);
    }
}
