/**
 * Keeps the media clock from catching up with the frames on screen. Chromium shows each frame up to its duration ahead
 * of the clock, and by the same time as long as the rate is 1. Once that falls to 0, by the drift of two clocks, it
 * skips a frame: a frame less is buffered ahead of the picture from then on, and stalls follow.
 */

/** Nearer than this, s, the clock is about to catch up. */
const NEAR_S = 0.005;
/** The clock is slowed down until it is this far behind, s. */
const CLEAR_S = 0.01;
/** Widest range of samples, s, in which a browser's clock is precise enough to tell. */
const STEADY_S = 0.004;
const SAMPLES = 8;
/** Most samples for which the clock is slowed down: if that does not help, nothing will. */
const MOST_SLOW = 150;

export class Parking {
  /** @type {number[]} */
  #aheads = [];
  /** Number of samples for which the clock has been slowed down; 0 if it is not. */
  #slow = 0;
  #helps = true;

  /**
   * @param {number} aheadS Media time on screen − the clock's.
   * @returns {boolean} Whether the clock should be slowed down.
   */
  sample(aheadS) {
    this.#aheads = [...this.#aheads, aheadS].slice(-SAMPLES);
    const [least, most] = [Math.min(...this.#aheads), Math.max(...this.#aheads)];
    if (this.#slow > 0) {
      this.#helps = this.#slow++ < MOST_SLOW;
      if (aheadS >= CLEAR_S || !this.#helps) this.#slow = 0;
    } else if (this.#helps && this.#aheads.length === SAMPLES && most - least < STEADY_S && most < NEAR_S) {
      this.#slow = 1;
    }
    return this.#slow > 0;
  }

  /** Starts over after a seek or a stall. */
  reset() {
    [this.#aheads, this.#slow] = [[], 0];
  }
}
