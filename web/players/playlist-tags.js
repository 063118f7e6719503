/** What the tags of HLS playlists are made of (RFC 8216bis section 4.2). */

/** @typedef {{ start: number, length: number | null }} ByteRange Without a length: to the end. */

const ATTRIBUTE = /\s*([A-Z0-9-]+)=("[^"]*"|[^,]*)(?:,|$)/g;

/**
 * An attribute list, quoted strings without their quotes.
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
 * A finite number that is not negative; `null` for everything else.
 * @param {string | number | undefined} text
 * @returns {number | null}
 */
export function number(text) {
  const value = typeof text === "string" && text.trim() === "" ? NaN : Number(text);
  return Number.isFinite(value) && value >= 0 ? value : null;
}

/**
 * `length[@start]`; without a start it follows the range before.
 * @param {string} text
 * @param {ByteRange | null} before
 * @returns {ByteRange | null}
 */
export function byteRange(text, before) {
  const [length, start] = text.split("@").map((part) => number(part));
  if (length === null || length === undefined) return null;
  return { start: start ?? (before ? before.start + (before.length ?? 0) : 0), length };
}
