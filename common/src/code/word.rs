//! Payload ↔ the 20 symbols that are painted: 14 bytes with their CRC, 6 of Reed–Solomon parity, whitened.

use crc::{CRC_24_OPENPGP, Crc};
use reed_solomon::{Decoder, Encoder};

use super::{Payload, SEQUENCE_MODULUS};
use crate::time::WallTime;

/// Symbols (bytes) of a word.
pub(super) const SYMBOLS: usize = 20;
/// The format this module writes and reads.
const VERSION: u8 = 1;
const PARITY: usize = 6;
const MESSAGE: usize = SYMBOLS - PARITY;
const PROTECTED: usize = MESSAGE - 3;
const TIME_MAX: i64 = (1 << 52) - 1;
/// XORed onto the symbols, so that neither a run of equal bytes nor an empty payload is a uniform block.
const WHITENING: [u8; SYMBOLS] = [
    0x5a, 0xc6, 0x93, 0x2d, 0x71, 0xb4, 0x4e, 0xd8, 0x17, 0xa9, 0x6c, 0xe2, 0x35, 0x9b, 0x4d, 0xb2, 0xc9, 0x56, 0xa3,
    0x2e,
];
const CRC24: Crc<u32> = Crc::<u32>::new(&CRC_24_OPENPGP);

/// The word to paint for `payload`.
pub(super) fn encode(payload: &Payload) -> [u8; SYMBOLS] {
    let time = payload.time.as_micros().clamp(0, TIME_MAX).to_be_bytes();
    let sequence = (payload.sequence % SEQUENCE_MODULUS).to_be_bytes();
    let mut message = [0; MESSAGE];
    message[0] = VERSION << 4 | time[1];
    message[1] = payload.stream_id;
    message[2..5].copy_from_slice(&sequence[1..]);
    message[5..PROTECTED].copy_from_slice(&time[2..]);
    let crc = CRC24.checksum(&message[..PROTECTED]).to_be_bytes();
    message[PROTECTED..].copy_from_slice(&crc[1..]);
    let coded = Encoder::new(PARITY).encode(&message);
    whiten(std::array::from_fn(|i| coded[i]))
}

/// The payload of a word with at most three wrong symbols; `None` if it is none of this format.
pub(super) fn decode(word: [u8; SYMBOLS]) -> Option<Payload> {
    let coded = Decoder::new(PARITY).correct(&whiten(word), None).ok()?;
    let message = coded.data();
    let (protected, crc) = message.split_at(PROTECTED);
    if protected[0] >> 4 != VERSION || CRC24.checksum(protected).to_be_bytes()[1..] != *crc {
        return None;
    }
    let number = |high: u8, low: &[u8]| low.iter().fold(i64::from(high), |n, &byte| n << 8 | i64::from(byte));
    Some(Payload {
        stream_id: protected[1],
        sequence: u32::try_from(number(0, &protected[2..5])).ok()?,
        time: WallTime::from_micros(number(protected[0] & 0xf, &protected[5..])),
    })
}

fn whiten(word: [u8; SYMBOLS]) -> [u8; SYMBOLS] {
    std::array::from_fn(|i| word[i] ^ WHITENING[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload() -> Payload {
        Payload { stream_id: 200, sequence: 0xabcdef, time: WallTime::from_micros(1_763_722_800_123_456) }
    }

    #[test]
    fn three_wrong_symbols_are_mended_and_four_refused() {
        let clean = encode(&payload());
        for first in 0..SYMBOLS {
            let mut word = clean;
            for (n, flip) in [0x01, 0xff, 0x5a, 0x80].into_iter().enumerate() {
                assert_eq!(decode(word), Some(payload()));
                word[(first + 5 * n) % SYMBOLS] ^= flip;
            }
            assert_eq!(decode(word), None);
        }
    }

    #[test]
    fn the_ends_of_each_range_come_back() {
        for (sequence, time) in [(0, 0), (SEQUENCE_MODULUS - 1, TIME_MAX)] {
            let payload = Payload { stream_id: 0, sequence, time: WallTime::from_micros(time) };
            assert_eq!(decode(encode(&payload)), Some(payload));
        }
        let early = Payload { time: WallTime::from_micros(-5), ..payload() };
        assert_eq!(decode(encode(&early)).map(|p| p.time), Some(WallTime::from_micros(0)));
    }
}
