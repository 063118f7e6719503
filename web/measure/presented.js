/** Counts frames presented without a callback. */

export class Presented {
  #last = 0;
  /** Number of callbacks. */
  callbacks = 0;

  /**
   * @param {number} presentedFrames From the callback's metadata: all frames given to the compositor so far.
   * @returns {number} Frames missed since the previous callback; none before the first one.
   */
  callback(presentedFrames) {
    // The count restarts with each source of a media element.
    const since = presentedFrames > this.#last ? presentedFrames - this.#last - 1 : 0;
    const missed = this.callbacks === 0 ? 0 : since;
    this.callbacks++;
    this.#last = presentedFrames;
    return missed;
  }
}
