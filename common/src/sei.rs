//! The second channel: the publisher's times in an SEI message of the frame's own access unit.
//!
//! The message is `user_data_unregistered` (ITU-T H.274 section 8.7; H.264 Annex D.2.7): a UUID that names its format,
//! then anything. Here every byte after the UUID has its top bit set and carries 7 bits, and the UUID has no zero
//! byte, so that the NAL unit around it never needs emulation prevention (H.264 section 7.4.1). Its length
//! is therefore fixed, and the time of sending can be set in place, after encoding and just before the socket.
//! Where it stands in a frame, the codec's own module knows.
//!
//! | bytes | bits | what |
//! |---|---|---|
//! | 1 | 7 | format version, 3 |
//! | 2 | 8 | stream id |
//! | 4 | 24 | sequence |
//! | 5 | 32 | host: a hash of the host's boot id, 0 if it has none |
//! | 5 | 32 | run: a random number, another one for each start of the publisher |
//! | 8 | 56 | PUB, wall time in µs, two's complement |
//! | 4 × 5 | 35 | captured, painted, encoded, sent: µs after PUB, two's complement |
//! | 1 | 7 | clock of "captured": 0 none, 1 monotonic, 2 implausible |
//! | 5 | 32 | reference: id of a clock that the publisher has compared its own with, 0 if there is none |
//! | 5 | 35 | reference clock − publisher's clock, µs, two's complement |
//! | 4 | 28 | bound of that, ± µs; the highest value for all above |
//! | 4 | 24 | CRC-24/OPENPGP of the bytes before it, from the version on |
//!
//! Numbers are big-endian, padded with zero bits in front. "Captured" is the lowest value where the source has no
//! time of its own. Differences beyond ±4.7 hours are cut to that.

use crc::{CRC_24_OPENPGP, CRC_32_ISO_HDLC, Crc};

use crate::code::SEQUENCE_MODULUS;
use crate::frame::{CaptureClock, PublisherTimes};
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

/// payloadType of user_data_unregistered, in every codec that has SEI messages.
const USER_DATA_UNREGISTERED: u8 = 5;
/// Names this format: a random (version 4) UUID without zero bytes.
const UUID: [u8; 16] = [0x9d, 0x1f, 0x6b, 0xe4, 0x53, 0xc8, 0x4a, 0x7e, 0xb2, 0x35, 0x8c, 0xf1, 0x47, 0xd6, 0x2a, 0x93];
const VERSION: u64 = 3;

/// Bytes of each field of the body, in the order of the table above.
const WIDTHS: [usize; 15] = [1, 2, 4, 5, 5, 8, 5, 5, 5, 5, 1, 5, 5, 4, 4];
const BODY_LEN: usize = 64;
const PUB_AT: usize = field_at(5);
const SENT_AT: usize = field_at(9);
const CRC_AT: usize = field_at(14);
const BODY_AT: usize = 2 + UUID.len();

/// Bytes of a [`message`].
pub const MESSAGE_LEN: usize = BODY_AT + BODY_LEN;

/// Bytes that it takes in an access unit at most: a start code of four bytes, a NAL unit header of two, and the trailing bits.
pub const ROOM: usize = 4 + 2 + MESSAGE_LEN + 1;

/// Lowest value of a difference: "captured" is unknown.
const UNKNOWN: i64 = -(1 << 34);
const MAX_DELTA: i64 = (1 << 34) - 1;
const MAX_TIME: i64 = (1 << 55) - 1;

const CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
const CRC24: Crc<u32> = Crc::<u32>::new(&CRC_24_OPENPGP);

/// The SEI message for `stamp`: type, size and payload, to be put into a NAL unit by the codec.
///
/// All bytes after the UUID are above 127, and none of those before is zero.
pub fn message(stamp: &Stamp) -> [u8; MESSAGE_LEN] {
    let times = &stamp.times;
    let pub_time = times.stamp.as_micros().clamp(-MAX_TIME - 1, MAX_TIME);
    let after_pub = |time: WallTime| delta(time.as_micros().saturating_sub(pub_time));
    let reference = stamp.reference.unwrap_or(Reference { id: 0, offset_us: 0, bound_us: 0 });
    let values = [
        VERSION,
        u64::from(stamp.stream_id),
        u64::from(stamp.sequence % SEQUENCE_MODULUS),
        u64::from(stamp.origin.host),
        u64::from(stamp.origin.run),
        pub_time as u64,
        times.captured.map_or(UNKNOWN as u64, after_pub),
        after_pub(times.painted),
        after_pub(times.encoded),
        after_pub(times.sent),
        stamp.capture_clock as u64,
        u64::from(reference.id),
        delta(reference.offset_us),
        u64::from(reference.bound_us.min(Reference::MAX_BOUND_US)),
    ];
    let mut message = [0; MESSAGE_LEN];
    message[..2].copy_from_slice(&[USER_DATA_UNREGISTERED, (MESSAGE_LEN - 2) as u8]);
    message[2..BODY_AT].copy_from_slice(&UUID);
    let mut rest = &mut message[BODY_AT..];
    for (value, width) in values.into_iter().zip(WIDTHS) {
        rest = put(rest, width, value);
    }
    let crc = CRC24.checksum(&message[BODY_AT..][..CRC_AT]);
    put(&mut message[BODY_AT + CRC_AT..], WIDTHS[14], u64::from(crc));
    message
}

/// Sets the time of sending in a [`message`] inside `nal`, in place. Other bytes but those of the CRC stay as they are.
///
/// It comes between the reading of the clock and the write, so it reads nothing else of the message.
pub fn set_sent(nal: &mut [u8], sent: WallTime) {
    let Some(at) = bodies(nal).next() else { return };
    let body = &mut nal[at..at + BODY_LEN];
    let stamp = WallTime::from_micros(signed(get(&body[PUB_AT..][..WIDTHS[5]]), 56));
    put(&mut body[SENT_AT..], WIDTHS[9], delta(sent.micros_since(stamp)));
    let crc = CRC24.checksum(&body[..CRC_AT]);
    put(&mut body[CRC_AT..], WIDTHS[14], u64::from(crc));
}

/// The stamp of the first [`message`] in `bytes`, by its UUID: other messages may stand before it, damaged ones and those of
/// another version are passed over.
pub fn find(bytes: &[u8]) -> Option<Stamp> {
    bodies(bytes).find_map(|at| parse_body(&bytes[at..at + BODY_LEN]))
}

/// Where in `bytes` a body begins behind our UUID.
fn bodies(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let is_ours =
        |window: &[u8]| window[..2] == [USER_DATA_UNREGISTERED, (MESSAGE_LEN - 2) as u8] && window[2..BODY_AT] == UUID;
    let windows = bytes.windows(MESSAGE_LEN).enumerate();
    windows.filter(move |(_, window)| is_ours(window)).map(|(at, _)| at + BODY_AT)
}

fn parse_body(body: &[u8]) -> Option<Stamp> {
    if body.iter().any(|byte| byte & 0x80 == 0) {
        return None;
    }
    let mut rest = body;
    let fields = WIDTHS.map(|width| {
        let (field, after) = rest.split_at(width);
        rest = after;
        get(field)
    });
    let [version, stream_id, sequence, host, run, stamp, captured, deltas @ .., capture_clock, id, offset, bound, crc] =
        fields;
    if crc != u64::from(CRC24.checksum(&body[..CRC_AT])) || version != VERSION {
        return None;
    }
    let stamp = WallTime::from_micros(signed(stamp, 56));
    let captured = signed(captured, 35);
    let [painted, encoded, sent] = deltas.map(|delta| stamp.offset(signed(delta, 35)));
    let reference =
        Reference { id: u32::try_from(id).ok()?, offset_us: signed(offset, 35), bound_us: u32::try_from(bound).ok()? };
    Some(Stamp {
        stream_id: u8::try_from(stream_id).ok()?,
        sequence: u32::try_from(sequence).ok().filter(|sequence| *sequence < SEQUENCE_MODULUS)?,
        origin: Origin { host: u32::try_from(host).ok()?, run: u32::try_from(run).ok()? },
        times: PublisherTimes {
            captured: (captured != UNKNOWN).then(|| stamp.offset(captured)),
            stamp,
            painted,
            encoded,
            sent,
        },
        capture_clock: match capture_clock {
            0 => CaptureClock::None,
            1 => CaptureClock::Monotonic,
            2 => CaptureClock::Implausible,
            _ => return None,
        },
        reference: (reference.id != 0).then_some(reference),
    })
}

/// A difference as it is put into the message.
fn delta(micros: i64) -> u64 {
    micros.clamp(UNKNOWN + 1, MAX_DELTA) as u64
}

/// Where the field with this number in [`WIDTHS`] begins in the body.
const fn field_at(number: usize) -> usize {
    let (mut at, mut field) = (0, 0);
    while field < number {
        at += WIDTHS[field];
        field += 1;
    }
    at
}

fn get(field: &[u8]) -> u64 {
    field.iter().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f))
}

/// Puts the low 7 × `width` bits of `value` at the front, big-endian, each byte with its top bit set. Returns what follows.
fn put(bytes: &mut [u8], width: usize, value: u64) -> &mut [u8] {
    let (field, rest) = bytes.split_at_mut(width);
    for (byte, at) in field.iter_mut().rev().zip(0..) {
        *byte = 0x80 | (value >> (7 * at) & 0x7f) as u8;
    }
    rest
}

/// The low `bits` of `value` as a two's complement number.
const fn signed(value: u64, bits: u32) -> i64 {
    let unused = u64::BITS - bits;
    (value << unused) as i64 >> unused
}

#[cfg(test)]
mod tests;
