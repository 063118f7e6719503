/** Counts the frames that were presented without a callback. */

export class Presented {
  #last = 0;
  /** Callbacks so far. */
  callbacks = 0;
  /** Frames presented without one. The first callback misses none: what came before it was of no interest. */
  missed = 0;

  /**
   * @param {number} presentedFrames Of the callback's metadata: counts every frame given to the compositor.
   * @returns {number} How many were missed since the callback before.
   */
  callback(presentedFrames) {
    // The count begins anew with each source of a media element.
    const since = presentedFrames > this.#last ? presentedFrames - this.#last - 1 : 0;
    const missed = this.callbacks === 0 ? 0 : since;
    this.callbacks++;
    this.missed += missed;
    this.#last = presentedFrames;
    return missed;
  }
}
