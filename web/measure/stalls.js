/**
 * Detects stalls: playback that has started stops for lack of data. A stall starts with the element's `waiting`
 * event, or when its time has not moved for a while, and ends when the time moves again. Waiting during a seek does
 * not count.
 */

/** Longest time without progress that is not a stall, ms: some browsers update a slow frame's time coarsely. */
const GRACE_MS = 250;

/**
 * State of a media element at one moment.
 * @typedef {object} Moment
 * @property {number} nowMs
 * @property {number} currentTimeS
 * @property {boolean} halted Paused, ended or seeking: its time is not expected to advance.
 */

/** @typedef {{ startMs: number, lengthMs: number, atS: number }} Stall `atS`: media time of the stall. */

export class Stalls {
  #started = false;
  #movedMs = 0;
  #timeS = 0;
  /** @type {number | null} */
  #sinceMs = null;
  /** Totals of the completed stalls. */
  count = 0;
  totalMs = 0;
  longestMs = 0;

  /** Whether the first frame was shown; earlier waits belong to the join. */
  started() {
    this.#started = true;
  }

  /** @param {number} nowMs When the element fired `waiting`. */
  waiting(nowMs) {
    if (this.#started) this.#sinceMs ??= nowMs;
  }

  /**
   * @param {Moment} moment
   * @returns {Stall | null} A stall that has just ended.
   */
  update({ nowMs, currentTimeS, halted }) {
    const moved = currentTimeS !== this.#timeS;
    const [atS, movedMs] = [this.#timeS, this.#movedMs];
    if (moved || halted) [this.#timeS, this.#movedMs] = [currentTimeS, nowMs];
    if (!this.#started) return null;
    if (moved || halted) return this.#end(nowMs, atS);
    if (nowMs - movedMs > GRACE_MS) this.#sinceMs ??= movedMs;
    return null;
  }

  /**
   * @param {number} nowMs
   * @param {number} atS
   * @returns {Stall | null}
   */
  #end(nowMs, atS) {
    if (this.#sinceMs === null) return null;
    const stall = { startMs: this.#sinceMs, lengthMs: nowMs - this.#sinceMs, atS };
    this.#sinceMs = null;
    this.count++;
    this.totalMs += stall.lengthMs;
    this.longestMs = Math.max(this.longestMs, stall.lengthMs);
    return stall;
  }
}
