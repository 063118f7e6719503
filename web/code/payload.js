/**
 * Converts between payloads and the 20 painted bytes: 14 bytes of message with CRC and 6 bytes of Reed–Solomon
 * parity, masked. `docs/corner-code.md` describes the format.
 */

import { MAX_MENDED, correct, parity } from "./reed-solomon.js";

/** Bytes of a word. */
export const WORD_BYTES = 20;
/** Sequence numbers are modulo this. */
export const SEQUENCE_MODULUS = 1 << 24;

const MESSAGE_BYTES = WORD_BYTES - 2 * MAX_MENDED;
const PROTECTED_BYTES = MESSAGE_BYTES - 3;
const VERSION = 1;
const TIME_MAX = 2 ** 52 - 1;

/** Prevents an empty payload from being a uniform block. */
const MASK = [
  0x5a, 0xc6, 0x93, 0x2d, 0x71, 0xb4, 0x4e, 0xd8, 0x17, 0xa9, 0x6c, 0xe2, 0x35, 0x9b, 0x4d, 0xb2, 0xc9, 0x56, 0xa3,
  0x2e,
];

/**
 * The contents of a corner code.
 * @typedef {object} Payload
 * @property {number} streamId Which publisher, 0 to 255.
 * @property {number} sequence Number of the frame modulo {@link SEQUENCE_MODULUS}.
 * @property {number} timeUs PUB: wall time of painting, µs since the Unix epoch, below 2^52.
 */

/**
 * CRC-24/OPENPGP (RFC 4880 section 6.1).
 * @param {ArrayLike<number>} bytes
 * @param {number} length How many of them.
 */
export function crc24(bytes, length) {
  let crc = 0xb704ce;
  for (let i = 0; i < length; i++) {
    crc ^= (bytes[i] ?? 0) << 16;
    for (let bit = 0; bit < 8; bit++) {
      crc <<= 1;
      if (crc & 0x1000000) crc ^= 0x1864cfb;
    }
  }
  return crc;
}

/**
 * Big-endian number of up to 52 bits.
 * @param {Uint8Array} bytes
 * @param {number} from
 * @param {number} to
 */
function number(bytes, from, to) {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 256 + (bytes[i] ?? 0);
  return value;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 * @param {number} count
 * @param {number} value
 */
function putNumber(bytes, at, count, value) {
  for (let i = count - 1; i >= 0; i--) {
    bytes[at + i] = value % 256;
    value = Math.floor(value / 256);
  }
}

/**
 * Returns the message and its parity, before masking.
 * @param {Payload} payload
 * @returns {Uint8Array}
 */
export function codeword(payload) {
  const time = Math.min(Math.max(payload.timeUs, 0), TIME_MAX);
  const word = new Uint8Array(WORD_BYTES);
  putNumber(word, 5, 6, time % 2 ** 48);
  word[0] = (VERSION << 4) | Math.floor(time / 2 ** 48);
  word[1] = payload.streamId;
  putNumber(word, 2, 3, payload.sequence % SEQUENCE_MODULUS);
  putNumber(word, PROTECTED_BYTES, 3, crc24(word, PROTECTED_BYTES));
  word.set(parity(word.subarray(0, MESSAGE_BYTES)), MESSAGE_BYTES);
  return word;
}

/**
 * Returns the word to paint.
 * @param {Payload} payload
 */
export function encode(payload) {
  return masked(codeword(payload));
}

/**
 * Decodes a painted word with at most three wrong bytes; `null` if it is not valid.
 * @param {Uint8Array} word
 * @returns {Payload | null}
 */
export function decode(word) {
  const bytes = correct(masked(word));
  if (!bytes || (bytes[0] ?? 0) >> 4 !== VERSION) return null;
  if (number(bytes, PROTECTED_BYTES, MESSAGE_BYTES) !== crc24(bytes, PROTECTED_BYTES)) return null;
  return {
    streamId: bytes[1] ?? 0,
    sequence: number(bytes, 2, 5),
    timeUs: ((bytes[0] ?? 0) & 15) * 2 ** 48 + number(bytes, 5, PROTECTED_BYTES),
  };
}

/** @param {Uint8Array} word */
function masked(word) {
  return word.map((byte, i) => byte ^ (MASK[i] ?? 0));
}
