/**
 * Stalls: playback that has begun stands still for want of data. A stall begins with the element's `waiting`, or where
 * its time has not moved for a while; it ends when the time moves again. Waiting for a seek is the seek's.
 */

/** Without `waiting`, time may stand still as long as this, ms: that of a slow frame is coarse in some browsers. */
const GRACE_MS = 250;

/**
 * What a media element shows at a moment.
 * @typedef {object} Moment
 * @property {number} nowMs
 * @property {number} currentTimeS
 * @property {boolean} halted Paused, ended or seeking: no time is expected to pass.
 */

/** @typedef {{ startMs: number, lengthMs: number, atS: number }} Stall `atS` is the media time where it stood. */

export class Stalls {
  #started = false;
  #movedMs = 0;
  #timeS = 0;
  /** @type {number | null} */
  #sinceMs = null;
  /** Of stalls that are over. */
  count = 0;
  totalMs = 0;
  longestMs = 0;

  /** The first frame was shown: what came before was the join. */
  started() {
    this.#started = true;
  }

  /** @param {number} nowMs When the element fired `waiting`. */
  waiting(nowMs) {
    if (this.#started) this.#sinceMs ??= nowMs;
  }

  /**
   * @param {Moment} moment
   * @returns {Stall | null} A stall that ended.
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
