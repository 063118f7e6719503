/**
 * Framelag's player for live HLS: loads hinted parts with blocking reloads, and holds a small cushion by playback
 * rate instead of waiting for stalls.
 */

import { MAX_PIECE, codecs, producerReference, startTime, timescales } from "./box.js";
import { Dates } from "./dates.js";
import { Failure, get, hasEnded, readBody } from "./failure.js";
import { LiveEdge, firstPartUrl, reloadUrl, withoutParts } from "./live-edge.js";
import { LoadingPlayer } from "./loading.js";
import { MAX_LENGTH, merge, parse } from "./playlist.js";
import { expectPlaylist } from "./playlist-tags.js";
import { Appender, open } from "./source.js";
import { Steering } from "./steering.js";

/** @import { Piece } from "./live-edge.js" */
/** @import { Player, PlayerOptions, Start } from "./player.js" */
/** @import { MediaPlaylist } from "./playlist.js" */

/** Most consecutive failed reloads, or listed pieces that are missing. */
const MAX_FAILURES = 5;
const RETRY_MS = 300;
/** Most pieces loaded from one playlist; if a playlist adds more, the player has to catch up. */
const MAX_AT_ONCE = 300;
/** Wait after an unchanged playlist that the server should have held back. */
const UNCHANGED_MS = 50;
/** A server may hold back the first playlist of a stream. After this time, also request one with the first part. */
const FIRST_LIST_MS = 60;

/**
 * @typedef {{ piece: Piece, requested: number, firstByte: number | null, received: number, bytes: Uint8Array }}
 *   Loaded
 */

/** @type {Start} */
export function start(video, url, options) {
  const player = new OwnPlayer(video, options);
  player.run(url).catch((error) => player.fail(error));
  return player;
}

/** @param {number} ms 0 does not wait at all. */
const sleep = async (ms) => {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
};

/** @implements {Player} */
class OwnPlayer extends LoadingPlayer {
  #edge = new LiveEdge();
  #dates = new Dates();
  /** @type {MediaSource | null} */
  #source = null;
  /** @type {Appender | null} */
  #appender = null;
  /** @type {Steering | null} */
  #steering = null;
  /** The initialization section appended last. */
  #map = "";
  /** @type {Map<number, number>} */
  #scales = new Map();
  /** Sequence number of the segment whose discontinuity was seen last. */
  #discontinuity = -1;
  /** @type {string | null} */
  #codecs = null;
  /** Pieces load in parallel and are appended in order. */
  #appended = Promise.resolve();
  /** Requested but not yet appended, not counting the hinted piece. */
  #waiting = 0;
  /** Consecutive listed pieces that were missing. */
  #missed = 0;

  /**
   * @param {HTMLVideoElement} video
   * @param {PlayerOptions} options
   */
  constructor(video, options) {
    super(video);
    this.options = options;
  }

  /** @param {string} url */
  async run(url) {
    const opening = open(this.video);
    let { list, listUrl } = await this.#first(url);
    this.#source = await opening;
    if (list.ended) throw hasEnded();
    const pieceS = list.partTargetS ?? Math.max(...list.segments.map((segment) => segment.durationS), 0);
    this.#steering = new Steering(this.video, this.events, this.options.cushionMs, pieceS);
    while (!this.stopped.aborted) {
      const pieces = this.#edge.take(list).slice(-MAX_AT_ONCE);
      for (const piece of pieces) this.#load(piece);
      if (list.ended) {
        this.#appended.then(() => this.#appender?.end());
        break;
      }
      await sleep(reloadDelayMs(list, pieces.length > 0));
      list = await this.#reload(listUrl, list);
    }
  }

  /** @param {string} url */
  async #first(url) {
    let { text, url: listUrl } = await this.#firstText(url);
    let parsed = parse(text, listUrl);
    if (parsed.variants) {
      const best = parsed.variants.toSorted((a, b) => b.bandwidth - a.bandwidth)[0];
      if (!best) throw new Failure("format", "the playlist has no variants");
      this.#codecs = best.codecs;
      ({ text, url: listUrl } = await this.#text(best.uri));
      parsed = parse(text, listUrl);
    }
    if (!parsed.media) throw new Failure("format", "a variant is not a media playlist");
    return { list: this.#wanted(parsed.media), listUrl };
  }

  /** @param {MediaPlaylist} list */
  #wanted(list) {
    return this.options.wholeSegments ? withoutParts(list) : list;
  }

  /** @param {string} url */
  async #firstText(url) {
    const plain = this.#text(url);
    if (this.options.wholeSegments) return plain;
    const soon = await Promise.race([plain, sleep(FIRST_LIST_MS)]);
    if (soon) return soon;
    // A playlist with the first part is held back just until that part exists.
    const withPart = this.#text(firstPartUrl(url)).then(({ text }) => ({ text, url }));
    return Promise.any([plain, withPart]).catch(() => plain);
  }

  /**
   * @param {string} url
   * @param {MediaPlaylist} before
   * @returns {Promise<MediaPlaylist>}
   */
  async #reload(url, before) {
    let delta = true;
    for (let failures = 0; ; failures++) {
      try {
        const { text } = await this.#text(reloadUrl(url, before, delta));
        const { media } = parse(text, url);
        const merged = media && merge(before, media);
        if (merged) return this.#wanted(merged);
        if (!delta) throw new Failure("format", "the playlist does not continue the one before");
        delta = false;
      } catch (error) {
        if (this.stopped.aborted || failures >= MAX_FAILURES) throw error;
        await sleep(RETRY_MS);
      }
    }
  }

  /** @param {string} url */
  async #text(url) {
    const response = await get(url, { signal: this.stopped });
    const { bytes } = await readBody(response, MAX_LENGTH, expectPlaylist);
    return { text: new TextDecoder().decode(bytes), url: response.url };
  }

  /** @param {Piece} piece */
  #load(piece) {
    if (!piece.hinted) this.#waiting++;
    const loading = this.#fetch(piece).catch((error) => this.#missing(piece, error));
    const init = piece.map && mapId(piece) !== this.#map ? this.#init(piece) : null;
    this.#appended = this.#appended
      .then(async () => {
        await this.#appendInit(await init);
        const loaded = await loading;
        if (!piece.hinted) this.#waiting--;
        if (loaded) await this.#append(loaded);
      })
      .catch((error) => this.fail(error));
  }

  /**
   * @param {Piece} piece
   * @returns {Promise<Loaded>}
   */
  async #fetch(piece) {
    const requested = performance.now();
    const { bytes, firstByte } = await this.#bytes(piece.uri, piece.range);
    this.#missed = 0;
    return { piece, requested, firstByte, received: performance.now(), bytes };
  }

  /**
   * A hint may be wrong, and a part may have expired: the next playlist tells how to continue.
   * @param {Piece} piece
   * @param {unknown} error
   */
  #missing(piece, error) {
    const gone = error instanceof Failure && error.kind === "http-status";
    if (gone && !piece.hinted) this.#missed++;
    if ((!gone || this.#missed >= MAX_FAILURES) && !this.stopped.aborted) throw error;
    this.#edge.hintFailed(piece);
    return null;
  }

  /** @param {Piece} piece */
  async #init(piece) {
    this.#map = mapId(piece);
    return piece.map && (await this.#bytes(piece.map.uri, piece.map.range)).bytes;
  }

  /** @param {Uint8Array | null} init */
  async #appendInit(init) {
    if (!init || !this.#source) return;
    this.#appender ??= new Appender(this.video, this.#source, this.#codecs?.split(",") ?? codecs(init));
    this.#scales = timescales(init);
    await this.#appender.append(init);
  }

  /** @param {Loaded} loaded */
  async #append({ piece, requested, firstByte, received, bytes }) {
    if (!this.#appender) throw new Failure("format", "the playlist has no EXT-X-MAP: only fragmented MP4 is supported");
    const jumps = piece.discontinuity && piece.sequence !== this.#discontinuity;
    if (jumps) this.#discontinuity = piece.sequence;
    const startS = startTime(bytes, this.#scales);
    const span = await this.#appender.append(bytes, jumps ? startS : null);
    // Its date is that of its first picture, which audio may precede. After a gap, or over media that is there, it does
    // not begin where the buffer ended.
    const pictureS = Math.max(producerReference(bytes, this.#scales)?.mediaS ?? 0, startS ?? 0);
    this.#dates.add(startS === null ? span.fromS : pictureS + this.#appender.offsetS(), piece.dateMs);
    const marks = { requested, firstByte, received, appended: performance.now() };
    this.events.emit("media", { ...marks, ...span });
    this.#steering?.appended(this.#waiting > 0);
  }

  /**
   * @param {string} url
   * @param {Piece["range"]} range
   */
  async #bytes(url, range) {
    /** @type {Record<string, string>} */
    const headers = {};
    if (range) headers["Range"] = `bytes=${range.start}-${range.length === null ? "" : range.start + range.length - 1}`;
    const response = await get(url, { headers, signal: this.stopped });
    return readBody(response, MAX_PIECE);
  }

  /** @param {number} mediaTimeS */
  dateAt(mediaTimeS) {
    return this.#dates.at(mediaTimeS);
  }
}

/** @param {Piece} piece */
const mapId = ({ map }) => (map ? `${map.uri} ${map.range?.start ?? ""}` : "");

/**
 * How long to wait before the next reload if the server does not hold it back (RFC 8216bis section 6.3.4): the target
 * duration, or half of it if nothing has changed.
 * @param {MediaPlaylist} list
 * @param {boolean} changed
 */
function reloadDelayMs(list, changed) {
  if (list.canBlockReload) return changed ? 0 : UNCHANGED_MS;
  const lastS = list.segments.at(-1)?.durationS ?? list.targetDurationS;
  return 1000 * (changed ? Math.min(lastS, list.targetDurationS) : list.targetDurationS / 2);
}
