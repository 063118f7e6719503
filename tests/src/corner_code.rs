//! The corner code a second time, written from `docs/corner-code.md` alone and sharing nothing with `common::code`:
//! what both agree on, the document says well enough for a third.

pub mod vectors;

use common::code::Payload;

/// Cells in a row.
pub const COLUMNS: usize = 24;
/// Rows of cells.
pub const ROWS: usize = 8;

const VERSION: u64 = 1;
const PARITY: usize = 6;
const CRC_POLYNOMIAL: u32 = 0x86_4cfb;
const CRC_START: u32 = 0xb7_04ce;
const FIELD_POLYNOMIAL: u16 = 0x11d;
const MASK: [u8; 20] = [
    0x5a, 0xc6, 0x93, 0x2d, 0x71, 0xb4, 0x4e, 0xd8, 0x17, 0xa9, 0x6c, 0xe2, 0x35, 0x9b, 0x4d, 0xb2, 0xc9, 0x56, 0xa3,
    0x2e,
];

/// Version, stream id, sequence and time: 11 bytes, and their CRC: 3 bytes. The payload has to be in range.
pub fn message(payload: &Payload) -> [u8; 14] {
    let time = payload.time.as_micros() as u64;
    let head = (VERSION << 60 | time >> 48 << 56 | u64::from(payload.stream_id) << 48).to_be_bytes();
    let sequence = payload.sequence.to_be_bytes();
    let low = time.to_be_bytes();
    let mut message = [0; 14];
    message[..2].copy_from_slice(&head[..2]);
    message[2..5].copy_from_slice(&sequence[1..]);
    message[5..11].copy_from_slice(&low[2..]);
    let crc = crc24(&message[..11]).to_be_bytes();
    message[11..].copy_from_slice(&crc[1..]);
    message
}

/// The message and its parity.
pub fn codeword(message: &[u8; 14]) -> [u8; 20] {
    // Long division of message · x⁶ by the generator (x − α⁰)…(x − α⁵), highest power first.
    let mut generator = vec![1];
    for power in 0..PARITY {
        let root = (0..power).fold(1, |root, _| multiply(root, 2));
        let shifted = generator.iter().copied().chain([0]);
        let scaled = [0].into_iter().chain(generator.iter().map(|&c| multiply(c, root)));
        generator = shifted.zip(scaled).map(|(a, b)| a ^ b).collect();
    }
    let mut rest = [0; 20];
    rest[..message.len()].copy_from_slice(message);
    for at in 0..message.len() {
        let factor = rest[at];
        for (coefficient, rest) in generator.iter().zip(&mut rest[at..]) {
            *rest ^= multiply(*coefficient, factor);
        }
    }
    rest[..message.len()].copy_from_slice(message);
    rest
}

/// The codeword under its mask, as it is painted.
pub fn painted(codeword: [u8; 20]) -> [u8; 20] {
    std::array::from_fn(|i| codeword[i] ^ MASK[i])
}

/// Column and row of bit `index` of the painted bytes, counted from the most significant bit of the first.
pub fn place(index: usize) -> (usize, usize) {
    if index < 23 * 4 {
        (1 + index / 4, 1 + index % 4)
    } else {
        let back = index - 23 * 4;
        (23 - back / 3, 5 + back % 3)
    }
}

/// Row by row, `true` for white.
pub fn cells(painted: [u8; 20]) -> [[bool; COLUMNS]; ROWS] {
    let finder = |column: usize, row: usize| column * row == 0 && (column + row).is_multiple_of(2);
    let mut cells: [[bool; COLUMNS]; ROWS] =
        std::array::from_fn(|row| std::array::from_fn(|column| finder(column, row)));
    for index in 0..painted.len() * 8 {
        let (column, row) = place(index);
        cells[row][column] = painted[index / 8] & 0x80 >> (index % 8) != 0;
    }
    cells
}

fn crc24(bytes: &[u8]) -> u32 {
    bytes.iter().fold(CRC_START, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 16, |crc, _| {
            let next = crc << 1;
            if next & 0x100_0000 == 0 { next } else { (next ^ CRC_POLYNOMIAL) & 0xff_ffff }
        })
    })
}

/// In GF(2⁸).
fn multiply(a: u8, b: u8) -> u8 {
    let mut power = u16::from(a);
    let mut product = 0;
    for bit in 0..8 {
        if b >> bit & 1 == 1 {
            product ^= power;
        }
        power <<= 1;
        if power & 0x100 != 0 {
            power ^= FIELD_POLYNOMIAL;
        }
    }
    product as u8
}
