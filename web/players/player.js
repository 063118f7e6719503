/** What every player offers, and what it tells. */

/** @import { Failure } from "./failure.js" */

/**
 * What may be set; a player ignores what it does not know.
 * @typedef {object} PlayerOptions
 * @property {number} [cushionMs] How much is to be buffered ahead right after new data arrived; held by playback rate.
 * @property {number} [seekWhenBehindMs] Look every half second, and seek to the live edge when so far behind.
 * @property {Record<string, unknown>} [hlsjs] Options of hls.js.
 * @property {Record<string, unknown>} [dashjs] Settings of dash.js.
 */

/**
 * What a player says about its own latency in ms: one of these names, or nothing.
 * @typedef {Partial<Record<"hls_latency_ms" | "dash_live_latency_ms", number>>} Claims
 */

/**
 * A piece of media on its way: times in ms of `performance.now()`, `null` where unknown.
 * @typedef {object} MediaMarks
 * @property {number | null} requested
 * @property {number | null} firstByte
 * @property {number | null} received
 * @property {number | null} appended
 * @property {number} fromS Media time that it covers.
 * @property {number} toS
 * @property {number} bytes
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
 * - `error`: it cannot go on
 * - `media`: a piece was appended
 * - `seek`: the player went to the live edge by itself, or over a gap
 * @typedef {{ error: Failure, media: MediaMarks, seek: { fromS: number, toS: number, why: "live-edge" | "gap" } }}
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
