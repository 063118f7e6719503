//! framelag's clock protocol: one datagram asks, one of the same length answers.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `FLCK` |
//! | 1 | version, 1 |
//! | 1 | 1 request, 2 answer |
//! | 2 | zero |
//! | 8 | nonce: random in a request, repeated in its answer |
//! | 4 | [`host_id`](crate::sei::host_id) of who answers; zero in a request |
//! | 8 | wall time at which the request came in, µs since the Unix epoch, two's complement; zero in a request |
//! | 8 | wall time at which the answer goes out, likewise |
//!
//! Numbers are big-endian. A request is as long as its answer, so that nobody can have more sent to a third party than
//! they sent themselves.

use super::refusal::Refusal;
use crate::time::WallTime;

/// Bytes of a request, and of an answer.
pub const LEN: usize = 36;

/// Times are within ± this of the epoch, µs: 1,141 years, as in the SEI.
const MAX_TIME: u64 = (1 << 55) - 1;

const MAGIC: [u8; 4] = *b"FLCK";
const VERSION: u8 = 1;
const REQUEST: u8 = 1;
const ANSWER: u8 = 2;

const NONCE_AT: usize = 8;
const HOST_AT: usize = 16;
const IN_AT: usize = 20;
const OUT_AT: usize = 28;

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// That of the request.
    pub nonce: u64,
    /// Who answers; 0 where it does not know itself.
    pub host: u32,
    /// When the request came in.
    pub there_in: WallTime,
    /// When the answer goes out; not before `there_in`.
    pub there_out: WallTime,
}

/// A request.
pub fn request(nonce: u64) -> [u8; LEN] {
    datagram(REQUEST, nonce)
}

/// The nonce of a request; `None` where `bytes` is none. One that is longer than need be is one: later versions may ask
/// for more.
pub fn parse_request(bytes: &[u8]) -> Option<u64> {
    let ours = bytes.len() >= LEN && bytes.starts_with(&MAGIC) && bytes[4..6] == [VERSION, REQUEST];
    ours.then(|| number(&bytes[NONCE_AT..HOST_AT]))
}

/// An answer, ready to be sent.
pub fn answer(answer: &Answer) -> [u8; LEN] {
    let mut bytes = datagram(ANSWER, answer.nonce);
    bytes[HOST_AT..IN_AT].copy_from_slice(&answer.host.to_be_bytes());
    bytes[IN_AT..OUT_AT].copy_from_slice(&answer.there_in.as_micros().to_be_bytes());
    bytes[OUT_AT..].copy_from_slice(&answer.there_out.as_micros().to_be_bytes());
    bytes
}

/// Reads an answer.
///
/// # Errors
/// What is wrong with it, as far as it alone can tell.
pub fn parse_answer(bytes: &[u8]) -> Result<Answer, Refusal> {
    if bytes.len() < NONCE_AT || !bytes.starts_with(&MAGIC) || bytes[5] != ANSWER {
        return Err(Refusal::Format);
    }
    if bytes[4] != VERSION {
        return Err(Refusal::Version);
    }
    if bytes.len() != LEN {
        return Err(Refusal::Length);
    }
    let time = |at: usize| number(&bytes[at..at + 8]) as i64;
    let (there_in, there_out) = (time(IN_AT), time(OUT_AT));
    if there_in.unsigned_abs() > MAX_TIME || there_out.unsigned_abs() > MAX_TIME || there_out < there_in {
        return Err(Refusal::Times);
    }
    Ok(Answer {
        nonce: number(&bytes[NONCE_AT..HOST_AT]),
        host: number(&bytes[HOST_AT..IN_AT]) as u32,
        there_in: WallTime::from_micros(there_in),
        there_out: WallTime::from_micros(there_out),
    })
}

fn datagram(kind: u8, nonce: u64) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4..6].copy_from_slice(&[VERSION, kind]);
    bytes[NONCE_AT..HOST_AT].copy_from_slice(&nonce.to_be_bytes());
    bytes
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Answer = Answer {
        nonce: 0x0102_0304_0506_0708,
        host: 0xa1b2_c3d4,
        there_in: WallTime::from_micros(1_763_722_800_000_000),
        there_out: WallTime::from_micros(1_763_722_800_000_020),
    };

    #[test]
    fn a_request_and_an_answer_are_as_documented() {
        let mut request_bytes = b"FLCK\x01\x01\0\0\x01\x02\x03\x04\x05\x06\x07\x08".to_vec();
        request_bytes.resize(36, 0);
        assert_eq!(request(GOOD.nonce).as_slice(), request_bytes);
        let answer_bytes = b"FLCK\x01\x02\0\0\x01\x02\x03\x04\x05\x06\x07\x08\xa1\xb2\xc3\xd4\
            \x00\x06\x44\x18\xb6\xf9\xec\x00\x00\x06\x44\x18\xb6\xf9\xec\x14";
        assert_eq!(answer(&GOOD).as_slice(), answer_bytes);
        assert_eq!(parse_request(&request_bytes), Some(GOOD.nonce));
        assert_eq!(parse_answer(answer_bytes), Ok(GOOD));
    }

    #[test]
    fn what_is_no_request_is_not_answered() {
        let good = request(7);
        assert_eq!(parse_request(&good[..LEN - 1]), None, "an answer would be longer");
        assert_eq!(parse_request(&answer(&GOOD)), None, "two servers do not answer each other for ever");
        for at in 0..6 {
            let mut bad = good;
            bad[at] ^= 0x40;
            assert_eq!(parse_request(&bad), None, "byte {at}");
        }
    }

    #[test]
    fn answers_are_refused_for_what_is_wrong_with_them() {
        let good = answer(&GOOD);
        let changed = |at: usize, byte: u8| {
            let mut bytes = good;
            bytes[at] = byte;
            parse_answer(&bytes)
        };
        assert_eq!(parse_answer(&[]), Err(Refusal::Format));
        assert_eq!(changed(0, b'X'), Err(Refusal::Format));
        assert_eq!(changed(5, REQUEST), Err(Refusal::Format));
        assert_eq!(changed(4, 2), Err(Refusal::Version));
        assert_eq!(parse_answer(&good[..LEN - 1]), Err(Refusal::Length));
        assert_eq!(parse_answer(&[&good[..], &[0]].concat()), Err(Refusal::Length));
        assert_eq!(changed(OUT_AT + 7, 0), Ok(Answer { there_out: GOOD.there_in, ..GOOD }));
        assert_eq!(changed(OUT_AT + 6, 0), Err(Refusal::Times), "it went out before it came in");
        assert_eq!(changed(OUT_AT, 0x7f), Err(Refusal::Times));
        assert_eq!(changed(IN_AT, 0x80), Err(Refusal::Times));
    }
}
