/** Applies the rate controller to a media element, and gets it over gaps. */

import { RateController } from "./rate.js";

/** @import { PlayerEvents } from "./player.js" */

/** Changes of rate that are not worth making. */
const SMALLEST_CHANGE = 0.0005;
/** A lead under 20 ms falls into stalls of a few ms. */
const LEAST_LEAD_S = 0.02;
/** Frames are on screen up to two of its ticks before the element's clock is there. */
const SHOWN_AHEAD_S = 0.033;
/** A browser that appends more slowly than this begins behind the live edge. */
const LONGEST_BURST_MS = 500;

export class Steering {
  #controller;
  #video;
  #events;
  #cushionS;
  #targetS;
  #started = false;
  #burstEndMs = Infinity;
  /** @type {{ mediaS: number, ms: number } | null} The newest frame on screen, and since when. */
  #shown = null;

  /**
   * @param {HTMLVideoElement} video
   * @param {PlayerEvents} events
   * @param {number} cushionS Lead to hold right after an append.
   * @param {number} [pieceS] Longest piece that is appended at once: the lead cannot be held below it.
   */
  constructor(video, events, cushionS, pieceS = 0) {
    this.#video = video;
    this.#events = events;
    this.#cushionS = cushionS;
    this.#targetS = Math.max(cushionS, pieceS + LEAST_LEAD_S);
    this.#controller = new RateController({ targetS: this.#targetS });
    for (const type of ["waiting", "seeking"]) video.addEventListener(type, () => this.#interrupted());
    this.#watch();
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
      this.#start(startS, endS);
      return;
    }
    if (video.currentTime < startS) {
      this.#seek(Math.max(startS, endS - this.#targetS), "gap");
      return;
    }
    const positionS = this.#positionS();
    if (positionS === null || video.seeking || video.paused) return;
    const { rate, seekByS } = this.#controller.sample(performance.now() / 1000, endS - positionS);
    if (seekByS > 0) this.#seek(video.currentTime + seekByS, "live-edge");
    if (Math.abs(rate - video.playbackRate) > SMALLEST_CHANGE) video.playbackRate = rate;
  }

  /**
   * Not before the cushion is there: with less, playback would stall right away. The first picture is shown all the
   * same.
   * @param {number} startS
   * @param {number} endS
   */
  #start(startS, endS) {
    const video = this.#video;
    const ready = endS - startS >= this.#cushionS + SHOWN_AHEAD_S;
    const fromS = ready ? Math.max(startS, endS - this.#targetS - SHOWN_AHEAD_S) : startS;
    // A seek by less than a frame would only take time.
    if (video.currentTime < startS || fromS - video.currentTime > SHOWN_AHEAD_S) video.currentTime = fromS;
    if (!ready) return;
    this.#started = true;
    video.play().catch(() => undefined);
  }

  /** Follows the frames on screen, where the browser tells of them. */
  #watch() {
    this.#video.requestVideoFrameCallback?.((_, { mediaTime, presentationTime }) => {
      this.#shown = { mediaS: mediaTime, ms: presentationTime };
      this.#watch();
    });
  }

  /** The media time on screen; `null` where nothing has been shown since playback was interrupted. */
  #positionS() {
    const { requestVideoFrameCallback, currentTime, playbackRate } = this.#video;
    if (!requestVideoFrameCallback) return currentTime;
    return this.#shown && this.#shown.mediaS + ((performance.now() - this.#shown.ms) / 1000) * playbackRate;
  }

  #interrupted() {
    this.#shown = null;
    this.#controller.reset();
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
