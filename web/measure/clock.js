/** The page's clock: wall time in µs since the Unix epoch, from `performance` alone, so that it never steps. */

/** Longest time to look for two different times: a timer's steps have 1 ms at most. */
const LOOK_MS = 4;

/**
 * Finds the steps of the page's timer, which browsers coarsen: 5 µs to 1 ms.
 * @param {() => number} [now] In ms.
 * @returns {number} In whole µs.
 */
export function timerStepUs(now = () => performance.now()) {
  const begin = now();
  let [before, leastMs] = [begin, Infinity];
  while (before - begin < LOOK_MS) {
    const ms = now();
    if (ms > before) leastMs = Math.min(leastMs, ms - before);
    before = ms;
  }
  // A timer's floating-point numbers are off by less than this.
  return Math.max(Math.ceil(leastMs * 1000 - 0.1), 1);
}

export class PageClock {
  /**
   * @param {number} shiftUs Added to every time, so that tests can give a page a wrong clock.
   * @param {{ timeOrigin: number, now: () => number }} [source]
   */
  constructor(shiftUs = 0, source = performance) {
    this.shiftUs = shiftUs;
    this.source = source;
  }

  nowUs() {
    return this.atUs(this.source.now());
  }

  /**
   * Converts a page time in ms, as in events and callbacks.
   * @param {number} pageMs
   */
  atUs(pageMs) {
    // Rounding both parts separately would be off by up to 1 µs; their sum fits a double.
    return Math.round((this.source.timeOrigin + pageMs) * 1000) + this.shiftUs;
  }

  /**
   * @param {number | null | undefined} pageMs
   * @returns {number | null}
   */
  maybeUs(pageMs) {
    return pageMs === null || pageMs === undefined ? null : this.atUs(pageMs);
  }
}
