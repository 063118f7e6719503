/** Decides which pieces of a live playlist to load next. Pure. Follows parts if available, including hinted ones. */

/** @import { MediaPlaylist, Segment } from "./playlist.js" */
/** @import { ByteRange } from "./playlist-tags.js" */

/**
 * A part or segment to load.
 * @typedef {object} Piece
 * @property {number} sequence Sequence number of its segment.
 * @property {number | null} part Index of the part; `null` for a whole segment.
 * @property {string} uri
 * @property {ByteRange | null} range
 * @property {Segment["map"]} map
 * @property {number | null} dateMs PROGRAM-DATE-TIME of its start.
 * @property {boolean} discontinuity Whether its media times may not follow those before.
 * @property {boolean} hinted Not available yet: the server responds once it is.
 */

/** Number of whole segments to start with if the playlist has no parts. */
const SEGMENTS_AT_START = 1;

export class LiveEdge {
  /** The next piece. */
  #sequence = -1;
  #part = 0;
  /** @type {Piece | null} */
  #hinted = null;

  /**
   * Returns the pieces added by this playlist; for the first playlist, those from the last position where decoding
   * can start.
   * @param {MediaPlaylist} list
   * @returns {Piece[]}
   */
  take(list) {
    const first = list.segments[0]?.sequence ?? list.mediaSequence;
    const beyond = (list.segments.at(-1)?.sequence ?? first) + 2;
    // Start over at the beginning, and if the playlist moved on without the player or restarted.
    const begins = this.#sequence < first || this.#sequence > beyond;
    const anew = begins && this.#sequence >= 0;
    if (begins) this.#begin(list);
    /** @type {Piece[]} */
    const pieces = [];
    this.#checkHint(list);
    for (const segment of list.segments) {
      if (segment.sequence === this.#sequence) pieces.push(...this.#takeSegment(segment));
    }
    if (anew && pieces[0]) pieces[0].discontinuity = true;
    const hint = this.#takeHint(list);
    return hint ? [...pieces, hint] : pieces;
  }

  /**
   * A hinted piece failed to load: load it once a playlist contains it.
   * @param {Piece} piece
   */
  hintFailed(piece) {
    if (this.#hinted !== piece) return;
    [this.#sequence, this.#part] = [piece.sequence, piece.part ?? 0];
    this.#hinted = null;
  }

  /** @param {MediaPlaylist} list */
  #begin(list) {
    this.#hinted = null;
    for (const segment of list.segments.toReversed()) {
      const independent = segment.parts.findLastIndex((part) => part.independent && !part.gap);
      if (independent >= 0) {
        [this.#sequence, this.#part] = [segment.sequence, independent];
        return;
      }
    }
    const whole = list.segments.filter((segment) => segment.uri !== null);
    const start = whole.at(-SEGMENTS_AT_START) ?? whole[0];
    [this.#sequence, this.#part] = [start?.sequence ?? list.mediaSequence, 0];
  }

  /**
   * Checks what became of the hinted piece: listed, or replaced by another part.
   * @param {MediaPlaylist} list
   */
  #checkHint(list) {
    const hinted = this.#hinted;
    const segment = list.segments.find((s) => s.sequence === hinted?.sequence);
    if (!hinted || !segment) return;
    const listed = segment.parts[hinted.part ?? 0];
    if (listed) {
      if (isSamePlace(listed, hinted)) this.#hinted = null;
      else this.hintFailed(hinted);
    } else if (segment.uri !== null && !this.#hintsNext(list, hinted)) {
      this.hintFailed(hinted);
    }
  }

  /**
   * Whether the hint was for the first part of the segment after the open one, as given by servers that know where a
   * segment ends. Loading that part again would append a key frame twice, and the frames after it would be lost.
   * @param {MediaPlaylist} list
   * @param {Piece} hinted
   */
  #hintsNext(list, hinted) {
    const next = list.segments.find((s) => s.sequence === hinted.sequence + 1);
    const first = next ? next.parts[0] : list.hint;
    if (!first || !isSamePlace(first, hinted)) return false;
    [hinted.sequence, hinted.part] = [hinted.sequence + 1, 0];
    [this.#sequence, this.#part] = [hinted.sequence, 1];
    if (next) this.#hinted = null;
    return true;
  }

  /**
   * @param {Segment} segment
   * @returns {Piece[]}
   */
  #takeSegment(segment) {
    // Old segments are listed without their parts. Loading known data again does no harm.
    const wholeOnly = segment.parts.length < this.#part || segment.parts.length === 0;
    const pieces = wholeOnly ? wholeSegment(segment) : partsFrom(segment, this.#part);
    this.#part = Math.max(segment.parts.length, this.#part);
    if (segment.uri !== null) [this.#sequence, this.#part] = [this.#sequence + 1, 0];
    return pieces;
  }

  /**
   * @param {MediaPlaylist} list
   * @returns {Piece | null}
   */
  #takeHint(list) {
    const { sequence, part } = nextPart(list);
    if (!list.hint || this.#hinted || sequence !== this.#sequence || part !== this.#part) return null;
    const map = list.segments.at(-1)?.map ?? null;
    this.#hinted = { ...list.hint, sequence, part, map, dateMs: endDate(list), discontinuity: false, hinted: true };
    this.#part++;
    return this.#hinted;
  }
}

/**
 * @typedef {{ uri: string, range: ByteRange | null }} Place
 * @param {Place} a
 * @param {Place} b
 */
const isSamePlace = (a, b) => a.uri === b.uri && (a.range?.start ?? 0) === (b.range?.start ?? 0);

/**
 * Returns the first part not in the playlist: the target of a blocking reload and of a hint.
 * @param {MediaPlaylist} list
 */
export function nextPart(list) {
  const last = list.segments.at(-1);
  if (!last) return { sequence: list.mediaSequence, part: 0 };
  if (last.uri !== null) return { sequence: last.sequence + 1, part: 0 };
  return { sequence: last.sequence, part: last.parts.length };
}

/**
 * Returns the URL of the next reload.
 * @param {string} url
 * @param {MediaPlaylist} list
 * @param {boolean} delta Whether a delta update is acceptable.
 */
export function reloadUrl(url, list, delta) {
  const next = new URL(url);
  if (list.canBlockReload) {
    const { sequence, part } = nextPart(list);
    next.searchParams.set("_HLS_msn", String(sequence));
    if (list.partTargetS !== null) next.searchParams.set("_HLS_part", String(part));
  }
  if (delta && list.canSkipUntilS !== null) next.searchParams.set("_HLS_skip", "YES");
  return next.href;
}

/**
 * Returns the URL of a playlist that contains the stream's first part or a later one.
 * @param {string} url
 */
export function firstPartUrl(url) {
  const first = new URL(url);
  first.searchParams.set("_HLS_msn", "0");
  first.searchParams.set("_HLS_part", "0");
  return first.href;
}

/**
 * Returns the playlist as a server without LL-HLS would give it: complete segments only.
 * @param {MediaPlaylist} list
 * @returns {MediaPlaylist}
 */
export function withoutParts(list) {
  const segments = list.segments.filter(({ uri }) => uri !== null).map((segment) => ({ ...segment, parts: [] }));
  return { ...list, partTargetS: null, hint: null, segments };
}

/** @param {MediaPlaylist} list */
function endDate(list) {
  const last = list.segments.at(-1);
  return last && last.dateMs !== null ? last.dateMs + last.durationS * 1000 : null;
}

/**
 * @param {Segment} segment
 * @returns {Piece[]}
 */
function wholeSegment({ sequence, uri, range, map, dateMs, discontinuity, gap }) {
  if (uri === null || gap) return [];
  return [{ sequence, part: null, uri, range, map, dateMs, discontinuity, hinted: false }];
}

/**
 * @param {Segment} segment
 * @param {number} first
 * @returns {Piece[]}
 */
function partsFrom({ sequence, parts, map, dateMs, discontinuity }, first) {
  let beforeS = 0;
  return parts.flatMap((part, index) => {
    const date = dateMs === null ? null : dateMs + beforeS * 1000;
    beforeS += part.durationS;
    if (index < first || part.gap) return [];
    const { uri, range } = part;
    return [{ sequence, part: index, uri, range, map, dateMs: date, discontinuity, hinted: false }];
  });
}
