//! The second channel: the publisher's times in an SEI message of the frame's own access unit.
//!
//! The message is `user_data_unregistered` (H.264 section 7.3.2.3.1 and Annex D.2.7): a UUID that names its format,
//! then anything. Here every byte after the UUID has its top bit set and carries 7 bits, and the UUID has no zero
//! byte, so that the NAL unit never holds a byte sequence that needs emulation prevention (section 7.4.1). Its length
//! is therefore fixed, and the time of sending can be put in where it lies, after encoding and just before the socket.
//!
//! | bytes | bits | what |
//! |---|---|---|
//! | 1 | 7 | format version, 3 |
//! | 2 | 8 | stream id |
//! | 4 | 24 | sequence |
//! | 5 | 32 | host: a hash of the host's boot id, 0 where it has none |
//! | 5 | 32 | run: a random number, another one for each start of the publisher |
//! | 8 | 56 | PUB, wall time in µs, two's complement |
//! | 4 × 5 | 35 | captured, painted, encoded, sent: µs after PUB, two's complement |
//! | 1 | 7 | clock of "captured": 0 none, 1 monotonic, 2 implausible |
//! | 5 | 32 | reference: id of a clock that the publisher has compared its own with, 0 where there is none |
//! | 5 | 35 | reference clock − publisher's clock, µs, two's complement |
//! | 4 | 28 | bound of that, ± µs; the highest value for all above |
//! | 4 | 24 | CRC-24/OPENPGP of the bytes before it, from the version on |
//!
//! Numbers are big-endian, padded with zero bits in front. "Captured" is the lowest value where the source has no
//! time of its own. Differences beyond ±4.7 hours are cut to that.

use crc::{CRC_24_OPENPGP, CRC_32_ISO_HDLC, Crc};

use crate::code::SEQUENCE_MODULUS;
use crate::frame::{CaptureClock, PublisherTimes};
use crate::h264::{START_CODE, start_code};
use crate::time::WallTime;

/// What the publisher says about a frame beside its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The stream id of the corner code.
    pub stream_id: u8,
    /// The sequence of the corner code, modulo [`SEQUENCE_MODULUS`].
    pub sequence: u32,
    /// Who stamped it.
    pub origin: Origin,
    /// When the frame passed the publisher's steps.
    pub times: PublisherTimes,
    /// Where `times.captured` is from, or why there is none.
    pub capture_clock: CaptureClock,
    /// What the publisher knows about another clock.
    pub reference: Option<Reference>,
}

/// A clock that the publisher has compared its own with, so that a receiver that knows the same one can tell how far apart
/// the two ends are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Names the clock: the [`host_id`] of its host, or a hash of an NTP server's address. Never 0.
    pub id: u32,
    /// Reference clock − publisher's clock, µs; within ±4.7 hours.
    pub offset_us: i64,
    /// The bound of that, ± µs; [`Reference::MAX_BOUND_US`] stands for all above.
    pub bound_us: u32,
}

impl Reference {
    /// The highest bound that can be said: 4.5 minutes.
    pub const MAX_BOUND_US: u32 = (1 << 28) - 1;
}

/// Who stamps: the same in all frames of one start of a publisher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// [`host_id`] of the publisher's host: two ends with the same one, other than 0, read the same clock.
    pub host: u32,
    /// A random number of this start of the publisher.
    pub run: u32,
}

/// Where Linux tells its boot id.
pub const BOOT_ID_FILE: &str = "/proc/sys/kernel/random/boot_id";

/// The id of a running kernel, and so of its clock, from its boot id; 0, which stands for unknown, for an empty one.
///
/// Containers share their host's id as they share its clock; virtual machines have their own of both.
pub fn host_id(boot_id: &str) -> u32 {
    match boot_id.trim() {
        "" => 0,
        id => CRC32.checksum(id.as_bytes()).max(1),
    }
}

/// Names this format: a random (version 4) UUID without zero bytes.
const UUID: [u8; 16] = [0x9d, 0x1f, 0x6b, 0xe4, 0x53, 0xc8, 0x4a, 0x7e, 0xb2, 0x35, 0x8c, 0xf1, 0x47, 0xd6, 0x2a, 0x93];
const VERSION: u64 = 3;
const NAL_TYPE_SEI: u8 = 6;
const USER_DATA_UNREGISTERED: u8 = 5;
/// `rbsp_trailing_bits` after whole bytes.
const TRAILING: u8 = 0x80;

const HOST_AT: usize = 1 + 2 + 4;
const RUN_AT: usize = HOST_AT + 5;
const PUB_AT: usize = RUN_AT + 5;
const DELTAS_AT: usize = PUB_AT + 8;
const DELTA_LEN: usize = 5;
const SENT_AT: usize = DELTAS_AT + 3 * DELTA_LEN;
const CAPTURE_AT: usize = DELTAS_AT + 4 * DELTA_LEN;
const REFERENCE_AT: usize = CAPTURE_AT + 1;
const OFFSET_AT: usize = REFERENCE_AT + 5;
const BOUND_AT: usize = OFFSET_AT + DELTA_LEN;
const CRC_AT: usize = BOUND_AT + 4;
const BODY_LEN: usize = CRC_AT + 4;
const PREFIX: [u8; 3] = [NAL_TYPE_SEI, USER_DATA_UNREGISTERED, (UUID.len() + BODY_LEN) as u8];
const BODY_AT: usize = PREFIX.len() + UUID.len();

/// Bytes of the NAL unit, without start code.
pub const NAL_LEN: usize = BODY_AT + BODY_LEN + 1;

/// Bytes that it takes in an access unit in annex B form, with a start code of four bytes.
pub const ROOM: usize = 4 + NAL_LEN;

/// Lowest value of a difference: "captured" is unknown.
const UNKNOWN: i64 = -(1 << 34);
const MAX_DELTA: i64 = (1 << 34) - 1;
const MAX_TIME: i64 = (1 << 55) - 1;

const CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
const CRC24: Crc<u32> = Crc::<u32>::new(&CRC_24_OPENPGP);

/// The SEI NAL unit for `stamp`, without start code.
///
/// All bytes after the UUID are above 127, and none of those before is zero.
pub fn nal(stamp: &Stamp) -> [u8; NAL_LEN] {
    let mut nal = [TRAILING; NAL_LEN];
    nal[..PREFIX.len()].copy_from_slice(&PREFIX);
    nal[PREFIX.len()..BODY_AT].copy_from_slice(&UUID);
    let times = &stamp.times;
    let pub_time = times.stamp.as_micros().clamp(-MAX_TIME - 1, MAX_TIME);
    let delta = |time: WallTime| time.as_micros().saturating_sub(pub_time).clamp(UNKNOWN + 1, MAX_DELTA);
    let body = &mut nal[BODY_AT..BODY_AT + BODY_LEN];
    put(&mut body[0..1], VERSION);
    put(&mut body[1..3], u64::from(stamp.stream_id));
    put(&mut body[3..HOST_AT], u64::from(stamp.sequence % SEQUENCE_MODULUS));
    put(&mut body[HOST_AT..RUN_AT], u64::from(stamp.origin.host));
    put(&mut body[RUN_AT..PUB_AT], u64::from(stamp.origin.run));
    put(&mut body[PUB_AT..DELTAS_AT], pub_time as u64);
    let deltas = [times.captured.map_or(UNKNOWN, delta), delta(times.painted), delta(times.encoded), delta(times.sent)];
    for (field, delta) in body[DELTAS_AT..CAPTURE_AT].chunks_exact_mut(DELTA_LEN).zip(deltas) {
        put(field, delta as u64);
    }
    put(&mut body[CAPTURE_AT..REFERENCE_AT], stamp.capture_clock as u64);
    let reference = stamp.reference.unwrap_or(Reference { id: 0, offset_us: 0, bound_us: 0 });
    put(&mut body[REFERENCE_AT..OFFSET_AT], u64::from(reference.id));
    put(&mut body[OFFSET_AT..BOUND_AT], reference.offset_us.clamp(UNKNOWN + 1, MAX_DELTA) as u64);
    put(&mut body[BOUND_AT..CRC_AT], u64::from(reference.bound_us.min(Reference::MAX_BOUND_US)));
    seal(body);
    nal
}

/// Puts the time of sending into a NAL unit made by [`nal`], where it lies. Anything else is left as it is.
pub fn set_sent(nal: &mut [u8], sent: WallTime) {
    if parse(nal).is_none() {
        return;
    }
    let body = &mut nal[BODY_AT..BODY_AT + BODY_LEN];
    let delta = sent.micros_since(pub_time(body)).clamp(UNKNOWN + 1, MAX_DELTA);
    put(&mut body[SENT_AT..CAPTURE_AT], delta as u64);
    seal(body);
}

/// The stamp of an access unit in Annex B format, looked for before its first slice. SEI messages of others, damaged
/// ones and those of another version are passed over.
pub fn find(annex_b: &[u8]) -> Option<Stamp> {
    let mut rest = annex_b;
    while let Some(at) = start_code(rest, 0) {
        rest = &rest[at + START_CODE.len()..];
        match rest.first()? & 0x1f {
            1..=5 => return None,
            NAL_TYPE_SEI => {
                if let Some(stamp) = find_in_sei(rest) {
                    return Some(stamp);
                }
            }
            _ => {}
        }
    }
    None
}

/// Looks for the message by its UUID up to the end of the NAL unit: others may share the unit with it.
fn find_in_sei(nal_and_more: &[u8]) -> Option<Stamp> {
    let end = start_code(nal_and_more, 0).unwrap_or(nal_and_more.len());
    let messages = &nal_and_more[1..end];
    let wanted = PREFIX[1..].iter().chain(&UUID);
    let starts = messages.windows(BODY_AT - 1 + BODY_LEN).filter(|w| w.iter().zip(wanted.clone()).all(|(a, b)| a == b));
    starts.filter_map(|message| parse_body(&message[BODY_AT - 1..])).next()
}

/// The stamp of a NAL unit that holds nothing else.
fn parse(nal: &[u8]) -> Option<Stamp> {
    let ours = nal.len() == NAL_LEN && nal[..PREFIX.len()] == PREFIX && nal[PREFIX.len()..BODY_AT] == UUID;
    ours.then(|| parse_body(&nal[BODY_AT..BODY_AT + BODY_LEN])).flatten()
}

fn parse_body(body: &[u8]) -> Option<Stamp> {
    let crc = u64::from(CRC24.checksum(&body[..CRC_AT]));
    if get(&body[CRC_AT..]) != crc || get(&body[..1]) != VERSION || body.iter().any(|byte| byte & 0x80 == 0) {
        return None;
    }
    let stamp = pub_time(body);
    let mut deltas = body[DELTAS_AT..CAPTURE_AT].chunks_exact(DELTA_LEN).map(|field| signed(get(field), 35));
    let captured = deltas.next()?;
    Some(Stamp {
        stream_id: u8::try_from(get(&body[1..3])).ok()?,
        sequence: u32::try_from(get(&body[3..HOST_AT])).ok().filter(|s| *s < SEQUENCE_MODULUS)?,
        origin: Origin {
            host: u32::try_from(get(&body[HOST_AT..RUN_AT])).ok()?,
            run: u32::try_from(get(&body[RUN_AT..PUB_AT])).ok()?,
        },
        times: PublisherTimes {
            captured: (captured != UNKNOWN).then(|| stamp.offset(captured)),
            stamp,
            painted: stamp.offset(deltas.next()?),
            encoded: stamp.offset(deltas.next()?),
            sent: stamp.offset(deltas.next()?),
        },
        capture_clock: match get(&body[CAPTURE_AT..REFERENCE_AT]) {
            0 => CaptureClock::None,
            1 => CaptureClock::Monotonic,
            2 => CaptureClock::Implausible,
            _ => return None,
        },
        reference: reference(body)?,
    })
}

/// The outer `None` is an id that has more than its 32 bits.
fn reference(body: &[u8]) -> Option<Option<Reference>> {
    let id = u32::try_from(get(&body[REFERENCE_AT..OFFSET_AT])).ok()?;
    let offset_us = signed(get(&body[OFFSET_AT..BOUND_AT]), 35);
    let bound_us = u32::try_from(get(&body[BOUND_AT..CRC_AT])).ok()?;
    Some((id != 0).then_some(Reference { id, offset_us, bound_us }))
}

fn pub_time(body: &[u8]) -> WallTime {
    WallTime::from_micros(signed(get(&body[PUB_AT..DELTAS_AT]), 56))
}

fn seal(body: &mut [u8]) {
    let crc = CRC24.checksum(&body[..CRC_AT]);
    put(&mut body[CRC_AT..], u64::from(crc));
}

/// The low 7 bits × `field.len()` of `value`, big-endian, each byte with its top bit set.
fn put(field: &mut [u8], value: u64) {
    let mut rest = value;
    for byte in field.iter_mut().rev() {
        *byte = 0x80 | (rest & 0x7f) as u8;
        rest >>= 7;
    }
}

fn get(field: &[u8]) -> u64 {
    field.iter().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f))
}

/// The low `bits` of `value` as a two's complement number.
const fn signed(value: u64, bits: u32) -> i64 {
    let unused = u64::BITS - bits;
    (value << unused) as i64 >> unused
}

#[cfg(test)]
mod tests {
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

    /// An access unit: SPS, PPS, a foreign SEI, ours, and a slice that contains ours again.
    fn access_unit(nal: &[u8]) -> Vec<u8> {
        let foreign = [6, 5, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0x80];
        let slice = [&[0x65, 0x88][..], nal].concat();
        [
            &[0, 0, 0, 1, 0x67, 1, 2][..],
            &[0, 0, 0, 1, 0x68, 3],
            &[0, 0, 1],
            &foreign,
            &[0, 0, 1],
            nal,
            &[0, 0, 1],
            &slice,
        ]
        .concat()
    }

    #[test]
    fn stamps_come_back_from_an_access_unit() {
        let whole = stamp();
        let times = PublisherTimes { captured: None, ..whole.times };
        let capture_clock = CaptureClock::Implausible;
        let bare =
            Stamp { stream_id: 0, sequence: 0, origin: Origin::default(), times, capture_clock, reference: None };
        for stamp in [whole, bare] {
            assert_eq!(find(&access_unit(&nal(&stamp))), Some(stamp));
        }
    }

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
        let mut nal = nal(&stamp());
        let sent = WallTime::from_micros(1_763_722_800_777_777);
        set_sent(&mut nal, sent);
        assert_eq!(find(&access_unit(&nal)).map(|s| s.times.sent), Some(sent));
        let mut foreign = [6, 5, 3, 1, 2, 3, 0x80];
        set_sent(&mut foreign, sent);
        assert_eq!(foreign, [6, 5, 3, 1, 2, 3, 0x80]);
    }

    #[test]
    fn no_byte_is_zero_whatever_the_times_are() {
        for micros in [0, 1, -1, i64::MIN, i64::MAX, 1 << 34, -(1 << 34)] {
            let time = WallTime::from_micros(micros);
            let mut stamp = stamp();
            stamp.times.painted = time;
            stamp.times.captured = Some(time);
            assert!(nal(&stamp).iter().all(|byte| *byte != 0));
            stamp.times.stamp = time;
            assert!(nal(&stamp).iter().all(|byte| *byte != 0));
        }
    }

    #[test]
    fn differences_beyond_the_range_are_cut() {
        let mut far = stamp();
        far.times.captured = Some(WallTime::from_micros(0));
        far.times.sent = WallTime::from_micros(i64::MAX);
        let found = find(&access_unit(&nal(&far))).expect("ours").times;
        assert_eq!(found.captured.map(|c| c.micros_since(found.stamp)), Some(UNKNOWN + 1));
        assert_eq!(found.sent.micros_since(found.stamp), MAX_DELTA);
    }

    #[test]
    fn a_message_behind_another_in_one_nal_unit_is_found() {
        let ours = nal(&stamp());
        let shared = [&[0, 0, 1, 6, 1, 2, 0xaa, 0xbb][..], &ours[1..]].concat();
        assert_eq!(find(&shared), Some(stamp()));
    }

    #[test]
    fn damage_is_refused() {
        let clean = access_unit(&nal(&stamp()));
        let ours = clean.windows(UUID.len()).position(|w| w == UUID).expect("it is there");
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
            let behind_a_start_code = [&[0, 0, 1, 6][..], &bytes].concat();
            proptest::prop_assert_eq!(find(&bytes), None);
            proptest::prop_assert_eq!(find(&behind_a_start_code), None);
        }
    }
}
