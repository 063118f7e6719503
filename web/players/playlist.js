/**
 * Parses HLS playlists (RFC 8216bis). Pure. Reads what a live player needs and ignores unknown tags.
 */

import { Failure } from "./failure.js";
import { FIRST_LINE, NO_PLAYLIST, attributes, byteRange, number } from "./playlist-tags.js";

/** @import { ByteRange } from "./playlist-tags.js" */

/** An hour of one-frame parts takes 4 MB. */
export const MAX_LENGTH = 8 << 20;

/**
 * @typedef {object} Part
 * @property {string} uri Absolute.
 * @property {ByteRange | null} range
 * @property {number} durationS
 * @property {boolean} independent
 * @property {boolean} gap
 */

/**
 * @typedef {object} Segment
 * @property {number} sequence
 * @property {string | null} uri Absolute; `null` while only parts exist.
 * @property {ByteRange | null} range
 * @property {number} durationS Sum of its parts while incomplete.
 * @property {{ uri: string, range: ByteRange | null } | null} map Initialization section.
 * @property {number | null} dateMs PROGRAM-DATE-TIME of its start: stated, or derived from an earlier segment.
 * @property {boolean} discontinuity
 * @property {boolean} gap
 * @property {Part[]} parts
 */

/** @typedef {{ uri: string, bandwidth: number, codecs: string | null }} Variant */

/**
 * @typedef {object} MediaPlaylist
 * @property {number} targetDurationS
 * @property {number | null} partTargetS
 * @property {number} mediaSequence
 * @property {number} skipped Segments omitted by a delta update, from `mediaSequence` on.
 * @property {Segment[]} segments
 * @property {{ uri: string, range: ByteRange | null } | null} hint The next part.
 * @property {boolean} canBlockReload
 * @property {number | null} canSkipUntilS
 * @property {number | null} partHoldBackS
 * @property {number | null} holdBackS
 * @property {boolean} ended
 */

/**
 * @param {string} text
 * @param {string} base Its URL.
 * @returns {{ variants: Variant[], media: null } | { variants: null, media: MediaPlaylist }}
 */
export function parse(text, base) {
  if (text.length > MAX_LENGTH) throw new Failure("format", `a playlist of ${text.length} characters is too long`);
  const lines = text.split("\n").map((line) => line.trim());
  // A byte order mark is invalid but occurs.
  if (lines[0]?.replace(/^\uFEFF/, "") !== FIRST_LINE) throw new Failure("format", NO_PLAYLIST);
  if (lines.some((line) => line.startsWith("#EXT-X-STREAM-INF:"))) {
    return { variants: variants(lines, base), media: null };
  }
  const parser = new MediaParser(base);
  for (const line of lines.slice(1)) parser.line(line);
  return { variants: null, media: parser.end() };
}

/**
 * @param {string[]} lines
 * @param {string} base
 * @returns {Variant[]}
 */
function variants(lines, base) {
  const found = [];
  /** @type {Record<string, string> | null} */
  let info = null;
  for (const line of lines) {
    if (line.startsWith("#EXT-X-STREAM-INF:")) info = attributes(line.slice(line.indexOf(":") + 1));
    if (!line || line.startsWith("#") || !info) continue;
    found.push({ uri: resolve(line, base), bandwidth: number(info["BANDWIDTH"]) ?? 0, codecs: info["CODECS"] ?? null });
    info = null;
  }
  return found;
}

/**
 * @param {string} uri
 * @param {string} base
 */
function resolve(uri, base) {
  try {
    return new URL(uri, base).href;
  } catch {
    throw new Failure("format", "the playlist has an invalid URI");
  }
}

class MediaParser {
  /** @type {MediaPlaylist} */
  #list = {
    targetDurationS: 0,
    partTargetS: null,
    mediaSequence: 0,
    skipped: 0,
    segments: [],
    hint: null,
    canBlockReload: false,
    canSkipUntilS: null,
    partHoldBackS: null,
    holdBackS: null,
    ended: false,
  };
  /** @type {Segment["map"]} */
  #map = null;
  /** @type {ByteRange | null} The previous range, which the next one may continue. */
  #lastRange = null;
  #segment = emptySegment();

  /** @param {string} base */
  constructor(base) {
    this.base = base;
  }

  /** @param {string} line */
  line(line) {
    if (!line.startsWith("#")) {
      if (line) this.#close(resolve(line, this.base));
      return;
    }
    const colon = line.indexOf(":");
    const [tag, value] = colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 1)];
    this.#tag(tag, value);
  }

  /** @returns {MediaPlaylist} */
  end() {
    if (this.#segment.parts.length > 0) this.#close(null);
    if (!(this.#list.targetDurationS > 0)) throw new Failure("format", "the playlist has no EXT-X-TARGETDURATION");
    return this.#list;
  }

  /**
   * @param {string} tag
   * @param {string} value
   */
  #tag(tag, value) {
    const [list, segment] = [this.#list, this.#segment];
    switch (tag) {
      case "#EXT-X-TARGETDURATION":
        list.targetDurationS = number(value) ?? 0;
        break;
      case "#EXT-X-MEDIA-SEQUENCE":
        list.mediaSequence = number(value) ?? 0;
        break;
      case "#EXT-X-PART-INF":
        list.partTargetS = number(attributes(value)["PART-TARGET"]);
        break;
      case "#EXT-X-SKIP":
        list.skipped = number(attributes(value)["SKIPPED-SEGMENTS"]) ?? 0;
        break;
      case "#EXT-X-SERVER-CONTROL":
        this.#control(attributes(value));
        break;
      case "#EXT-X-MAP":
        this.#map = this.#place(attributes(value), "BYTERANGE");
        break;
      case "#EXT-X-PART":
        this.#part(attributes(value));
        break;
      case "#EXT-X-PRELOAD-HINT":
        this.#hint(attributes(value));
        break;
      case "#EXT-X-PROGRAM-DATE-TIME":
        segment.dateMs = number(Date.parse(value));
        break;
      case "#EXT-X-BYTERANGE":
        segment.range = this.#lastRange = byteRange(value, this.#lastRange);
        break;
      case "#EXTINF":
        segment.durationS = number(value.split(",")[0]) ?? 0;
        break;
      case "#EXT-X-DISCONTINUITY":
        segment.discontinuity = true;
        break;
      case "#EXT-X-GAP":
        segment.gap = true;
        break;
      case "#EXT-X-ENDLIST":
        list.ended = true;
        break;
    }
  }

  /** @param {Record<string, string>} control */
  #control(control) {
    this.#list.canBlockReload = control["CAN-BLOCK-RELOAD"] === "YES";
    this.#list.canSkipUntilS = number(control["CAN-SKIP-UNTIL"]);
    this.#list.partHoldBackS = number(control["PART-HOLD-BACK"]);
    this.#list.holdBackS = number(control["HOLD-BACK"]);
  }

  /**
   * @param {Record<string, string>} from
   * @param {string} rangeName
   */
  #place(from, rangeName) {
    const [uri, range] = [from["URI"], from[rangeName]];
    return uri === undefined ? null : { uri: resolve(uri, this.base), range: range ? byteRange(range, null) : null };
  }

  /** @param {Record<string, string>} part */
  #part(part) {
    const uri = part["URI"];
    if (uri === undefined) return;
    const range = part["BYTERANGE"] ? byteRange(part["BYTERANGE"], this.#lastRange) : null;
    this.#lastRange = range;
    this.#segment.parts.push({
      uri: resolve(uri, this.base),
      range,
      durationS: number(part["DURATION"]) ?? 0,
      independent: part["INDEPENDENT"] === "YES",
      gap: part["GAP"] === "YES",
    });
  }

  /** @param {Record<string, string>} hint */
  #hint(hint) {
    if (hint["TYPE"] !== "PART" || hint["URI"] === undefined) return;
    const start = number(hint["BYTERANGE-START"]);
    const length = number(hint["BYTERANGE-LENGTH"]);
    const range = start === null && length === null ? null : { start: start ?? 0, length };
    this.#list.hint = { uri: resolve(hint["URI"], this.base), range };
  }

  /** @param {string | null} uri */
  #close(uri) {
    const [segment, list] = [this.#segment, this.#list];
    segment.uri = uri;
    segment.map = this.#map;
    segment.sequence = list.mediaSequence + list.skipped + list.segments.length;
    if (uri === null) segment.durationS = segment.parts.reduce((sum, part) => sum + part.durationS, 0);
    const before = list.segments.at(-1);
    if (segment.dateMs === null && before?.dateMs && !segment.discontinuity) {
      segment.dateMs = before.dateMs + before.durationS * 1000;
    }
    list.segments.push(segment);
    this.#segment = emptySegment();
  }
}

/** @returns {Segment} */
function emptySegment() {
  return {
    sequence: 0,
    uri: null,
    range: null,
    durationS: 0,
    map: null,
    dateMs: null,
    discontinuity: false,
    gap: false,
    parts: [],
  };
}

/**
 * Merges a delta update into the previous playlist; `null` if that lacks a skipped segment.
 * @param {MediaPlaylist | null} before
 * @param {MediaPlaylist} update
 * @returns {MediaPlaylist | null}
 */
export function merge(before, update) {
  if (update.skipped === 0) return update;
  const end = update.mediaSequence + update.skipped;
  const kept = before?.segments.filter((s) => s.sequence >= update.mediaSequence && s.sequence < end) ?? [];
  if (kept.length !== update.skipped) return null;
  const segments = [...kept, ...update.segments];
  for (const [n, segment] of segments.entries()) {
    const previous = segments[n - 1];
    if (!previous) continue;
    segment.map ??= previous.map;
    if (segment.dateMs === null && previous.dateMs !== null && !segment.discontinuity) {
      segment.dateMs = previous.dateMs + previous.durationS * 1000;
    }
  }
  return { ...update, skipped: 0, segments };
}
