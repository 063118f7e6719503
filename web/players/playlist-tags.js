/** Syntax of HLS playlists and their tags (RFC 8216bis section 4). */

import { Failure } from "./failure.js";

/** @typedef {{ start: number, length: number | null }} ByteRange `null`: to the end. */

export const FIRST_LINE = "#EXTM3U";
export const NO_PLAYLIST = `not a playlist: its first line is not ${FIRST_LINE}`;
const ATTRIBUTE = /\s*([A-Z0-9-]+)=("[^"]*"|[^,]*)(?:,|$)/g;

/**
 * Throws if a response that begins like this is no playlist.
 * @param {Uint8Array} first
 */
export function expectPlaylist(first) {
  const begin = new TextDecoder().decode(first.subarray(0, 16));
  if (begin.length >= FIRST_LINE.length && !begin.startsWith(FIRST_LINE)) throw new Failure("format", NO_PLAYLIST);
}

/**
 * Parses an attribute list; removes the quotes of quoted strings.
 * @param {string} list
 * @returns {Record<string, string>}
 */
export function attributes(list) {
  /** @type {Record<string, string>} */
  const found = Object.create(null);
  for (const [, name, value] of list.matchAll(ATTRIBUTE)) {
    if (name !== undefined && value !== undefined) found[name] = value.replace(/^"(.*)"$/, "$1").trim();
  }
  return found;
}

/**
 * Parses a finite, non-negative number; `null` for everything else.
 * @param {string | number | undefined} text
 * @returns {number | null}
 */
export function number(text) {
  const value = typeof text === "string" && text.trim() === "" ? NaN : Number(text);
  return Number.isFinite(value) && value >= 0 ? value : null;
}

/**
 * Parses `length[@start]`; without a start, the range follows the previous one.
 * @param {string} text
 * @param {ByteRange | null} before
 * @returns {ByteRange | null}
 */
export function byteRange(text, before) {
  const [length, start] = text.split("@").map((part) => number(part));
  if (length === null || length === undefined) return null;
  return { start: start ?? (before ? before.start + (before.length ?? 0) : 0), length };
}
