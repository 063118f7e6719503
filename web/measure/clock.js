/** The page's clock: wall time in µs since the Unix epoch, from `performance` alone, so that it never steps. */

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
