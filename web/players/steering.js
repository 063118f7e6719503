/** Applies the rate controller to a media element, and seeks over gaps. */

import { Parking } from "./parking.js";
import { RateController } from "./rate.js";

/** @import { PlayerEvents } from "./player.js" */

/**
 * Lead that framelag's players hold by default. Chromium shows frames up to 33 ms ahead of its clock, and may change by
 * that at any time; what is left has to last until the next frame arrives.
 */
export const CUSHION_MS = 55;

/** Rate changes too small to apply. */
const SMALLEST_CHANGE = 0.0005;
/** Rate while the clock is held back from the frames on screen. */
const PARKING_RATE = 0.99;
/** A lead under 20 ms causes stalls of a few ms. */
const LEAST_LEAD_S = 0.02;
/** A frame appears up to two screen refreshes before the element's clock reaches it. */
const SHOWN_AHEAD_S = 0.033;
/** A browser that appends more slowly than this starts behind the live edge. */
const LONGEST_BURST_MS = 500;

export class Steering {
  #controller;
  #parking = new Parking();
  #video;
  #events;
  #cushionS;
  #targetS;
  #started = false;
  #burstEndMs = Infinity;
  /** @type {{ mediaS: number, ms: number } | null} The newest frame on screen and when it appeared. */
  #shown = null;

  /**
   * @param {HTMLVideoElement} video
   * @param {PlayerEvents} events
   * @param {number} [cushionMs] Lead to hold right after an append.
   * @param {number} [pieceS] Longest piece appended at once: the lead cannot be kept below it.
   */
  constructor(video, events, cushionMs = CUSHION_MS, pieceS = 0) {
    this.#video = video;
    this.#events = events;
    this.#cushionS = cushionMs / 1000;
    this.#targetS = Math.max(this.#cushionS, pieceS + LEAST_LEAD_S);
    this.#controller = new RateController({ targetS: this.#targetS });
    video.addEventListener("seeking", () => this.#interrupted());
    video.addEventListener("waiting", () => {
      this.#interrupted();
      if (this.#started && !video.seeking) this.#controller.stalled();
    });
    this.#watch();
  }

  /**
   * Call after each append.
   * @param {boolean} more Whether more data has already been received: a server's backlog arrives at once at a join,
   * and the live edge lies after it.
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
    const steered = this.#controller.sample(performance.now() / 1000, endS - positionS);
    const isNear = this.#parking.sample(positionS - video.currentTime);
    const [seekByS, rate] = [steered.seekByS, steered.rate === 1 && isNear ? PARKING_RATE : steered.rate];
    if (seekByS > 0) this.#seek(video.currentTime + seekByS, "live-edge");
    if (Math.abs(rate - video.playbackRate) > SMALLEST_CHANGE) video.playbackRate = rate;
  }

  /**
   * Starts playback once the cushion is buffered; with less, it would stall right away. The first picture is shown in
   * any case.
   * @param {number} startS
   * @param {number} endS
   */
  #start(startS, endS) {
    const video = this.#video;
    const ready = endS - startS >= this.#cushionS + SHOWN_AHEAD_S;
    const fromS = ready ? Math.max(startS, endS - this.#targetS - SHOWN_AHEAD_S) : startS;
    // Seeking by less than a frame only costs time.
    if (video.currentTime < startS || fromS - video.currentTime > SHOWN_AHEAD_S) video.currentTime = fromS;
    if (!ready) return;
    this.#started = true;
    video.play().catch(() => undefined);
  }

  /** Tracks the frames on screen, if the browser reports them. */
  #watch() {
    this.#video.requestVideoFrameCallback?.((_, { mediaTime, presentationTime }) => {
      this.#shown = { mediaS: mediaTime, ms: presentationTime };
      this.#watch();
    });
  }

  /** The media time on screen; `null` if nothing has been shown since an interruption. */
  #positionS() {
    const { requestVideoFrameCallback, currentTime, playbackRate } = this.#video;
    if (!requestVideoFrameCallback) return currentTime;
    return this.#shown && this.#shown.mediaS + ((performance.now() - this.#shown.ms) / 1000) * playbackRate;
  }

  #interrupted() {
    this.#shown = null;
    this.#controller.reset();
    this.#parking.reset();
  }

  /** Whether the initial backlog may still be arriving. */
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
    this.#events.emit("seek", { why });
    this.#controller.reset();
    this.#video.currentTime = toS;
  }
}
