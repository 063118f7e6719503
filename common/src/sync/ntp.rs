//! The client's half of NTP, as far as asking for the time goes (RFC 5905 sections 6 and 7.3).
//!
//! A request holds nothing but a random number where its own time of sending would be: the server returns it as the origin
//! timestamp, which is all that it is needed for, and it tells nobody this host's time.

use super::refusal::Refusal;
use crate::time::WallTime;

/// Bytes of a packet without extensions.
pub const LEN: usize = 48;

/// The port of NTP servers.
pub const PORT: u16 = 123;

/// Longest answer that is looked at: extension fields and a MAC may follow the packet.
const MAX_LEN: usize = 512;

const VERSION: u8 = 4;
const MODE_CLIENT: u8 = 3;
const MODE_SERVER: u8 = 4;
const LEAP_UNSYNCHRONISED: u8 = 3;
const MAX_STRATUM: u8 = 15;
/// Further from its source than MAXDISP a server is not synchronised (RFC 5905 section A.5.1.1), µs.
const MAX_DISTANCE_US: u64 = 16_000_000;

/// An answer to one request, believable or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The random number of the request.
    pub nonce: u64,
    /// What it says.
    pub said: Result<Times, Refusal>,
    /// The server asks for fewer requests (RATE), rather than for none.
    pub slower: bool,
}

/// The server's times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When the request came in.
    pub there_in: WallTime,
    /// When the answer goes out; not before `there_in`.
    pub there_out: WallTime,
    /// How far the server may be from its reference, ± µs: half its root delay, its root dispersion and its precision.
    pub distance_us: u32,
}

/// A request.
pub fn request(nonce: u64) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    bytes[0] = VERSION << 3 | MODE_CLIENT;
    bytes[40..].copy_from_slice(&nonce.to_be_bytes());
    bytes
}

/// Reads an answer. What a forger must not be able to say (that the server wants to be left alone) is for the caller to
/// believe only where the nonce is right.
///
/// # Errors
/// Where it is no answer of an NTP server.
pub fn parse_answer(bytes: &[u8]) -> Result<Answer, Refusal> {
    if !(LEN..=MAX_LEN).contains(&bytes.len()) {
        return Err(Refusal::Length);
    }
    let (leap, version, mode, stratum) = (bytes[0] >> 6, bytes[0] >> 3 & 7, bytes[0] & 7, bytes[1]);
    if mode != MODE_SERVER {
        return Err(Refusal::Format);
    }
    if version != VERSION {
        return Err(Refusal::Version);
    }
    let said = match (stratum, leap) {
        (0, _) => Err(Refusal::KissOfDeath),
        (1..=MAX_STRATUM, 0..LEAP_UNSYNCHRONISED) => times(bytes),
        _ => Err(Refusal::Unsynchronised),
    };
    Ok(Answer { nonce: number(&bytes[24..32]), said, slower: stratum == 0 && bytes[12..16] == *b"RATE" })
}

fn times(bytes: &[u8]) -> Result<Times, Refusal> {
    // Both in seconds with 16 bits behind the point.
    let micros = |at: usize| (number(&bytes[at..at + 4]) * 1_000_000) >> 16;
    let precision = (bytes[3] as i8).clamp(-32, 4);
    let distance = micros(4) / 2 + micros(8) + (2_f64.powi(precision.into()) * 1e6).ceil() as u64;
    if distance >= MAX_DISTANCE_US {
        return Err(Refusal::Unsynchronised);
    }
    let (there_in, there_out) = (number(&bytes[32..40]), number(&bytes[40..48]));
    if there_in == 0 || there_out == 0 {
        return Err(Refusal::Times);
    }
    let (there_in, there_out) = (WallTime::from_ntp(there_in), WallTime::from_ntp(there_out));
    if there_out < there_in {
        return Err(Refusal::Times);
    }
    Ok(Times { there_in, there_out, distance_us: u32::try_from(distance).map_err(|_| Refusal::Unsynchronised)? })
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const NONCE: u64 = 0xfeed_beef_0123_4567;
    const THEN: WallTime = WallTime::from_micros(1_763_722_800_250_000);

    /// What a good server answers: stratum 2, 10 ms of root delay, 20 ms of root dispersion, precision 2⁻²⁰ s.
    pub(in crate::sync) fn good(nonce: u64, there_in: WallTime, there_out: WallTime) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[..4].copy_from_slice(&[VERSION << 3 | MODE_SERVER, 2, 6, -20_i8 as u8]);
        bytes[4..8].copy_from_slice(&655_u32.to_be_bytes());
        bytes[8..12].copy_from_slice(&1_311_u32.to_be_bytes());
        bytes[24..32].copy_from_slice(&nonce.to_be_bytes());
        bytes[32..40].copy_from_slice(&there_in.to_ntp().to_be_bytes());
        bytes[40..].copy_from_slice(&there_out.to_ntp().to_be_bytes());
        bytes
    }

    #[test]
    fn a_request_tells_nothing_but_its_nonce() {
        let bytes = request(NONCE);
        assert_eq!((bytes[0], &bytes[40..]), (0x23, NONCE.to_be_bytes().as_slice()));
        assert!(bytes[1..40].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_good_answer_gives_its_times_and_its_distance() {
        let answer = parse_answer(&good(NONCE, THEN, THEN.offset(30))).expect("it is one");
        let times = answer.said.expect("it is believable");
        assert_eq!((answer.nonce, times.there_in, times.there_out), (NONCE, THEN, THEN.offset(30)));
        assert_eq!(times.distance_us, 4_997 + 20_004 + 1, "half of 10 ms, 20 ms and 1 µs");
    }

    #[test]
    fn bad_answers_are_refused_for_what_is_wrong_with_them() {
        let changed = |at: usize, new: &[u8]| {
            let mut bytes = good(NONCE, THEN, THEN.offset(30));
            bytes[at..at + new.len()].copy_from_slice(new);
            parse_answer(&bytes).and_then(|answer| answer.said)
        };
        assert_eq!(parse_answer(&[0x24; 47]), Err(Refusal::Length));
        assert_eq!(parse_answer(&[0x24; MAX_LEN + 1]), Err(Refusal::Length));
        assert_eq!(changed(0, &[0x23]), Err(Refusal::Format), "a client's packet");
        assert_eq!(changed(0, &[0x1c]), Err(Refusal::Version), "version 3");
        assert_eq!(changed(0, &[0xe4]), Err(Refusal::Unsynchronised), "leap indicator 3");
        assert_eq!(changed(1, &[0]), Err(Refusal::KissOfDeath));
        assert_eq!(changed(1, &[16]), Err(Refusal::Unsynchronised));
        assert_eq!(changed(8, &[0, 16, 0, 0]), Err(Refusal::Unsynchronised), "16 s from its source");
        assert_eq!(changed(40, &[0; 8]), Err(Refusal::Times));
        assert_eq!(changed(32, &THEN.offset(31).to_ntp().to_be_bytes()), Err(Refusal::Times), "out before in");
        assert_eq!(changed(3, &[0x7f]), Err(Refusal::Unsynchronised), "a clock that ticks once in an age");
    }

    #[test]
    fn only_rate_asks_for_fewer_requests() {
        let kiss = |code: &[u8; 4]| {
            let mut bytes = good(NONCE, THEN, THEN);
            bytes[1] = 0;
            bytes[12..16].copy_from_slice(code);
            parse_answer(&bytes).expect("it is an answer").slower
        };
        assert_eq!((kiss(b"RATE"), kiss(b"DENY"), kiss(b"RSTR")), (true, false, false));
    }
}
