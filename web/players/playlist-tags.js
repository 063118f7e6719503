/** Syntax of HLS playlist tags (RFC 8216bis section 4.2). */

/** @typedef {{ start: number, length: number | null }} ByteRange `null`: to the end. */

const ATTRIBUTE = /\s*([A-Z0-9-]+)=("[^"]*"|[^,]*)(?:,|$)/g;

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
