/** The interface and events of all players. */

/** @import { Failure } from "./failure.js" */

/**
 * Player options; a player ignores those it does not support.
 * @typedef {object} PlayerOptions
 * @property {number} [cushionMs] Media to keep buffered ahead just after an append; held by playback rate.
 * @property {number} [seekWhenBehindMs] Check every half second, and seek to the live edge if further behind than
 * this.
 * @property {boolean} [wholeSegments] Ignore parts (our player only).
 * @property {Record<string, unknown>} [hlsjs] Options of hls.js.
 * @property {Record<string, unknown>} [dashjs] Settings of dash.js.
 */

/**
 * A player's claims about its own latency in ms, by name.
 * @typedef {Partial<Record<"hls_latency_ms" | "dash_live_latency_ms", number>>} Claims
 */

/**
 * The loading of a piece of media: times in ms of `performance.now()`, `null` if unknown.
 * @typedef {object} MediaMarks
 * @property {number | null} requested
 * @property {number | null} firstByte
 * @property {number | null} received
 * @property {number | null} appended
 * @property {number} fromS Start of the media time it covers.
 * @property {number} toS
 */

/**
 * @typedef {object} Player
 * @property {() => Claims} claims
 * @property {() => void} stop
 * @property {PlayerEvents} events
 * @property {(mediaTimeS: number) => number | null} dateAt Wall time in ms of a media time as the stream states it
 *   (PROGRAM-DATE-TIME, `prft`, availabilityStartTime), where it does.
 */

/** @typedef {(video: HTMLVideoElement, url: string, options: PlayerOptions) => Player} Start */

/**
 * - `error`: playback cannot continue
 * - `media`: a piece was appended
 * - `seek`: the player jumped to the live edge or over a gap by itself
 * @typedef {{ error: Failure, media: MediaMarks, seek: { why: "live-edge" | "gap" } }}
 *   EventDetails
 */

export class PlayerEvents {
  #target = new EventTarget();

  /**
   * @template {keyof EventDetails} K
   * @param {K} type
   * @param {EventDetails[K]} detail
   */
  emit(type, detail) {
    this.#target.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /**
   * @template {keyof EventDetails} K
   * @param {K} type
   * @param {(detail: EventDetails[K]) => void} listener
   */
  on(type, listener) {
    this.#target.addEventListener(type, (event) => {
      listener(/** @type {CustomEvent<EventDetails[K]>} */ (event).detail);
    });
  }
}
