/** Parses the boxes of ISO base media files (ISO/IEC 14496-12) that a player needs. */

import { Failure } from "./failure.js";

/** Largest initialization section or fragment, in bytes. */
export const MAX_PIECE = 32 << 20;
const HEADER = 8;
/** Boxes that a stream of fragments begins with. */
const FIRST = new Set(["ftyp", "styp", "moov"]);
/** Boxes that contain only boxes. */
const CONTAINERS = new Set(["moov", "trak", "mdia", "minf", "stbl", "moof", "traf"]);
/** Seconds from the NTP epoch (1900) to 1970. */
const NTP_TO_UNIX_S = 2_208_988_800;

/** @typedef {{ type: string, start: number, end: number }} Box Bounds of its content. */

/** @param {Uint8Array} bytes */
const view = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 */
const fourCc = (bytes, at) => String.fromCharCode(...bytes.subarray(at, at + 4));

/**
 * Parses the header of the box at `at`: its type, its size including the header, and the header's size. Returns
 * `null` if the header is incomplete.
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function header(bytes, at) {
  if (at + HEADER > bytes.length) return null;
  const data = view(bytes);
  const size = data.getUint32(at);
  const type = fourCc(bytes, at + 4);
  if (size !== 1) {
    // Size 0 means up to the end of the file, which a live stream does not have.
    if (size < HEADER) throw new Failure("format", `a box of ${size} bytes`);
    return { type, size, header: HEADER };
  }
  if (at + 16 > bytes.length) return null;
  const large = data.getUint32(at + 8) * 2 ** 32 + data.getUint32(at + 12);
  if (large < 16) throw new Failure("format", `a box of ${large} bytes`);
  return { type, size: large, header: 16 };
}

/**
 * Lists the boxes in a part of `bytes`, including those within containers.
 * @param {Uint8Array} bytes
 * @param {number} [from]
 * @param {number} [to]
 * @returns {Generator<Box>}
 */
export function* boxes(bytes, from = 0, to = bytes.length) {
  for (let at = from; at < to; ) {
    const box = header(bytes, at);
    if (!box || at + box.size > to) return;
    yield { type: box.type, start: at + box.header, end: at + box.size };
    if (CONTAINERS.has(box.type)) yield* boxes(bytes, at + box.header, at + box.size);
    at += box.size;
  }
}

/** Splits a byte stream into its initialization section (up to `moov`) and fragments (each up to its `mdat`). */
export class FragmentSplitter {
  #pending = new Uint8Array(0);
  #begun = false;

  /** Whether a piece has begun that is not complete. */
  get isPending() {
    return this.#pending.length > 0;
  }

  /**
   * @param {Uint8Array} chunk
   * @returns {Uint8Array[]} The pieces completed by this data.
   */
  push(chunk) {
    let bytes = chunk;
    if (this.#pending.length > 0) {
      bytes = new Uint8Array(this.#pending.length + chunk.length);
      bytes.set(this.#pending);
      bytes.set(chunk, this.#pending.length);
    }
    if (!this.#begun && bytes.length >= HEADER) {
      if (!FIRST.has(fourCc(bytes, 4))) throw new Failure("format", "not a stream of MP4 fragments, such as /cam/mse");
      this.#begun = true;
    }
    const pieces = [];
    let [start, at] = [0, 0];
    for (;;) {
      const box = header(bytes, at);
      if (box && at + box.size - start > MAX_PIECE) throw new Failure("format", "a fragment that is too large");
      if (!box || at + box.size > bytes.length) break;
      at += box.size;
      if (box.type === "moov" || box.type === "mdat") {
        pieces.push(bytes.slice(start, at));
        start = at;
      }
    }
    this.#pending = bytes.slice(start);
    return pieces;
  }
}

/**
 * Whether a piece of {@link FragmentSplitter} is an initialization section.
 * @param {Uint8Array} piece
 */
export function isInit(piece) {
  for (const { type } of boxes(piece)) {
    if (type === "moov" || type === "moof") return type === "moov";
  }
  return false;
}

/**
 * Returns the timescale of each track.
 * @param {Uint8Array} init Initialization section.
 * @returns {Map<number, number>} By track id.
 */
export function timescales(init) {
  const data = view(init);
  const scales = new Map();
  let track = 0;
  for (const { type, start, end } of boxes(init)) {
    const long = end > start && init[start] === 1;
    if (type === "tkhd" && end - start >= 24) track = data.getUint32(start + (long ? 20 : 12));
    if (type === "mdhd" && end - start >= 24) scales.set(track, data.getUint32(start + (long ? 20 : 12)));
  }
  return scales;
}

/**
 * Returns the media time at which a fragment starts, in seconds, from its `tfdt` boxes; `null` without one.
 * @param {Uint8Array} fragment
 * @param {Map<number, number>} scales From {@link timescales}.
 */
export function startTime(fragment, scales) {
  const data = view(fragment);
  let track = 0;
  let startS = Infinity;
  for (const { type, start, end } of boxes(fragment)) {
    const long = fragment[start] === 1;
    if (type === "tfhd" && end - start >= 8) track = data.getUint32(start + 4);
    if (type !== "tfdt" || end - start < (long ? 12 : 8)) continue;
    const time = long ? Number(data.getBigUint64(start + 4)) : data.getUint32(start + 4);
    const scale = scales.get(track);
    if (scale) startS = Math.min(startS, time / scale);
  }
  return Number.isFinite(startS) ? startS : null;
}

/**
 * Returns the wall time of a fragment's media time from its `prft` box (ISO/IEC 14496-12 section 8.16.5).
 * @param {Uint8Array} fragment
 * @param {Map<number, number>} scales From {@link timescales}.
 * @returns {{ mediaS: number, dateMs: number } | null}
 */
export function producerReference(fragment, scales) {
  const data = view(fragment);
  for (const { type, start, end } of boxes(fragment)) {
    const long = fragment[start] === 1;
    if (type !== "prft" || end - start < (long ? 24 : 20)) continue;
    const scale = scales.get(data.getUint32(start + 4));
    if (!scale) return null;
    const dateMs = (data.getUint32(start + 8) - NTP_TO_UNIX_S + data.getUint32(start + 12) / 2 ** 32) * 1000;
    const media = long ? Number(data.getBigUint64(start + 16)) : data.getUint32(start + 16);
    return { mediaS: media / scale, dateMs };
  }
  return null;
}

/**
 * Returns the codecs of an initialization section in the form that `MediaSource.isTypeSupported` takes (RFC 6381).
 * @param {Uint8Array} init
 * @returns {string[]}
 */
export function codecs(init) {
  const found = [];
  for (const { type, start, end } of boxes(init)) {
    // Version, flags and entry count precede the entries, each of which is a box.
    if (type === "stsd") for (const entry of boxes(init, start + 8, end)) found.push(codecOf(init, entry));
  }
  return found;
}

/**
 * @param {Uint8Array} init
 * @param {Box} entry
 */
function codecOf(init, { type, start, end }) {
  if (type === "mp4a") return "mp4a.40.2";
  if (type === "Opus") return "opus";
  // Boxes within a visual sample entry start after 78 bytes.
  for (const box of boxes(init, start + 78, end)) {
    if (box.type === "avcC") return `${type}.${hex(init.subarray(box.start + 1, box.start + 4))}`;
    if (box.type === "hvcC") return `${type}.1.6.L${init[box.start + 12] ?? 93}.B0`;
    if (box.type === "av1C") return "av01.0.08M.08";
    if (box.type === "vpcC") return "vp09.00.41.08";
  }
  return type;
}

/** @param {Uint8Array} bytes */
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
