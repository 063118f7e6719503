/** Applies the rate controller to a media element, and gets it over gaps. */

import { RateController } from "./rate.js";

/** @import { PlayerEvents } from "./player.js" */

/** Changes of rate that are not worth making. */
const SMALLEST_CHANGE = 0.0005;
/** A lead under 20 ms falls into stalls of a few ms. */
const LEAST_LEAD_S = 0.02;
/** A browser that appends more slowly than this begins behind the live edge. */
const LONGEST_BURST_MS = 500;

export class Steering {
  #controller;
  #video;
  #events;
  #targetS;
  #started = false;
  #burstEndMs = Infinity;

  /**
   * @param {HTMLVideoElement} video
   * @param {PlayerEvents} events
   * @param {number} cushionS Lead to hold right after an append.
   * @param {number} [pieceS] Longest piece that is appended at once: the lead cannot be held below it.
   */
  constructor(video, events, cushionS, pieceS = 0) {
    this.#video = video;
    this.#events = events;
    this.#targetS = Math.max(cushionS, pieceS + LEAST_LEAD_S);
    this.#controller = new RateController({ targetS: this.#targetS });
  }

  /**
   * To be called when something was appended.
   * @param {boolean} more Whether more has been received already: what a server has kept comes at once at a join, and
   *   the live edge is behind it.
   */
  appended(more) {
    if (more && this.#inBurst()) return;
    const video = this.#video;
    const ranges = video.buffered;
    if (ranges.length === 0) return;
    const [startS, endS] = [ranges.start(ranges.length - 1), ranges.end(ranges.length - 1)];
    if (!this.#started) {
      this.#started = true;
      video.currentTime = Math.max(startS, endS - this.#targetS);
      video.play().catch(() => undefined);
      return;
    }
    if (video.currentTime < startS) {
      this.#seek(Math.max(startS, endS - this.#targetS), "gap");
      return;
    }
    if (video.seeking || video.paused) return;
    const { rate, seekByS } = this.#controller.sample(performance.now() / 1000, endS - video.currentTime);
    if (seekByS > 0) this.#seek(video.currentTime + seekByS, "live-edge");
    if (Math.abs(rate - video.playbackRate) > SMALLEST_CHANGE) video.playbackRate = rate;
  }

  /** Whether this may still be the burst of a join. */
  #inBurst() {
    const now = performance.now();
    this.#burstEndMs = Math.min(this.#burstEndMs, now + LONGEST_BURST_MS);
    return now < this.#burstEndMs;
  }

  /**
   * @param {number} toS
   * @param {"live-edge" | "gap"} why
   */
  #seek(toS, why) {
    this.#events.emit("seek", { fromS: this.#video.currentTime, toS, why });
    this.#controller.reset();
    this.#video.currentTime = toS;
  }
}
