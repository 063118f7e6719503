/** The page's clock: wall time in µs since the Unix epoch, from `performance` alone, so that it never steps. */

export class PageClock {
  /**
   * @param {number} shiftUs Added to every time: a test's way of giving a page a wrong clock.
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
   * A time of the page in ms, as events and callbacks have it.
   * @param {number} pageMs
   */
  atUs(pageMs) {
    // Both parts rounded alone would be off by a µs; together they fit a double.
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
