/**
 * Detects stalls: playback that has started stops for lack of data. A stall starts with the element's `waiting`
 * event, or when its time has not moved for a while, and ends when a frame is presented late. Waiting during a seek
 * does not count, nor does a `waiting` event after which the next two frames are on time: nobody can see that. After a
 * frame shown too early, the next one's turn is later by as much, up to one frame.
 */

/** Longest time without progress that is not a stall, ms: some browsers update a slow frame's time coarsely. */
const GRACE_MS = 250;
/** How long a screen of 60 Hz may delay a frame that is on time, and the steps of clocks, ms. */
const REFRESH_MS = 18;
/**
 * Number of newest frames kept: for their median duration, and for the smallest difference between when one was shown
 * and its media time.
 */
const STEPS = 9;
/** A longer step, in frames, is a jump. */
const LONGEST_STEP = 3;

/**
 * State of a media element at one moment.
 * @typedef {object} Moment
 * @property {number} nowMs
 * @property {number} currentTimeS
 * @property {boolean} halted Paused or seeking: its time is not expected to advance.
 */

/** @typedef {{ startMs: number, lengthMs: number }} Stall */

export class Stalls {
  #movedMs = 0;
  #timeS = 0;
  /** @type {number | null} */
  #sinceMs = null;
  /** When time began to move again although no frame was reported. @type {number | null} */
  #resumedMs = null;
  /** Whether a frame was presented since the element began to wait. */
  #painted = false;
  /** The newest frame. @type {{ ms: number, mediaS: number } | null} */
  #shown = null;
  /** @type {number[]} */
  #stepsMs = [];
  /** When the newest frames were shown − their media time. @type {number[]} */
  #offsetsMs = [];
  /** How much too early the newest frame was shown: by one frame at most. */
  #earlyMs = 0;

  /** @param {number} nowMs When the element fired `waiting`. Before the first frame it belongs to the join. */
  waiting(nowMs) {
    if (!this.#shown) return;
    this.#painted = false;
    if (this.#sinceMs === null) [this.#sinceMs, this.#resumedMs] = [nowMs, null];
  }

  /**
   * @param {number} ms When a frame was presented.
   * @param {number} mediaS
   * @param {number} missed Frames presented since the previous call, without one of their own.
   * @returns {Stall | null} A stall that has ended with it.
   */
  presented(ms, mediaS, missed) {
    const aheadMs = this.#shown ? (mediaS - this.#shown.mediaS) * 1000 : 0;
    const stepMs = aheadMs / (missed + 1);
    if (stepMs > 0) this.#stepsMs = [...this.#stepsMs, stepMs].slice(-STEPS);
    const isEarly = this.#shown !== null && ms - this.#shown.ms < aheadMs - REFRESH_MS;
    // Of the frames that were missed, the first ended it.
    const endMs = ms - missed * this.#frameMs();
    const since = this.#sinceMs;
    // While it waits, Chromium paints the next frame as soon as it has it, on time or even early, and playback still
    // stands: only the frame after that one tells.
    const tells = since !== null && (this.#isLate(endMs) || (this.#painted && !isEarly));
    const stall = tells ? this.#end(endMs) : null;
    // It may wait for the frame after this one.
    if (tells && since > ms) this.#sinceMs = since;
    this.#painted = this.#sinceMs !== null && ms > this.#sinceMs;
    this.#shown = { ms, mediaS };
    // After a jump, earlier offsets tell nothing.
    if (stepMs <= 0 || stepMs > LONGEST_STEP * this.#frameMs()) this.#offsetsMs = [];
    this.#offset(ms - mediaS * 1000);
    return stall;
  }

  /**
   * @param {Moment} moment
   * @returns {Stall | null} A stall that has ended without a frame.
   */
  update({ nowMs, currentTimeS, halted }) {
    const moved = currentTimeS !== this.#timeS;
    this.#timeS = currentTimeS;
    if (moved || halted) this.#movedMs = nowMs;
    if (!this.#shown) return null;
    if (halted) return this.#end(nowMs);
    if (!moved) {
      this.#resumedMs = null;
      const alive = Math.max(this.#movedMs, this.#shown.ms);
      if (nowMs - alive > GRACE_MS) this.#sinceMs ??= alive;
      return null;
    }
    this.#resumedMs ??= nowMs;
    return nowMs - this.#resumedMs > GRACE_MS ? this.#end(this.#resumedMs) : null;
  }

  /**
   * @param {Moment} moment The last one.
   * @returns {Stall | null} The stall that it ends in.
   */
  finish(moment) {
    return this.update(moment) ?? this.#end(moment.nowMs);
  }

  /** @param {number} offsetMs Of the newest frame. */
  #offset(offsetMs) {
    const earlyMs = this.#offsetsMs.length === 0 ? 0 : Math.min(...this.#offsetsMs) - offsetMs;
    this.#earlyMs = Math.min(Math.max(0, earlyMs), this.#frameMs());
    this.#offsetsMs = [...this.#offsetsMs, offsetMs].slice(-STEPS);
  }

  #frameMs() {
    return this.#stepsMs.toSorted((a, b) => a - b)[this.#stepsMs.length >> 1] ?? 0;
  }

  /** @param {number} ms How much later than its turn a frame at `ms` is, in ms. */
  #lateMs(ms) {
    return this.#shown ? ms - this.#shown.ms - this.#frameMs() - this.#earlyMs : 0;
  }

  /** @param {number} ms Whether a frame at `ms` is later than its turn, as far as one can see. */
  #isLate(ms) {
    return this.#lateMs(ms) > REFRESH_MS;
  }

  /**
   * @param {number} endMs
   * @returns {Stall | null}
   */
  #end(endMs) {
    const [since, shown] = [this.#sinceMs, this.#shown];
    this.#sinceMs = null;
    if (since === null || !shown || !this.#isLate(endMs)) return null;
    // `waiting` may be heard of after the frame that ended it was presented, and frames may be painted meanwhile.
    const startMs = endMs > since ? Math.max(since, shown.ms) : endMs - this.#lateMs(endMs);
    return { startMs, lengthMs: endMs - startMs };
  }
}
