/** Counts frames presented without a callback. */

/** Media times nearer than this are of one frame, s: Firefox rounds them in more than one way. */
const SAME_FRAME_S = 0.001;

export class Presented {
  #last = 0;
  /** Media time of the previous callback's frame, s. */
  #mediaTime = NaN;
  #countedAnew = true;
  /** Number of callbacks. */
  callbacks = 0;

  /** Firefox (153) counts frames again while it seeks: those missed meanwhile are not known. */
  seeking() {
    this.#countedAnew = true;
  }

  /**
   * @param {number} presentedFrames From the callback's metadata: all frames given to the compositor so far.
   * @param {number} mediaTime From the callback's metadata, s.
   * @returns {number} Frames missed since the previous callback; none before the first one.
   */
  callback(presentedFrames, mediaTime) {
    // The count restarts with each source of a media element.
    const since = presentedFrames > this.#last ? presentedFrames - this.#last - 1 : 0;
    // Firefox may show the first frame after a seek twice and count others in between.
    const isSameFrame = Math.abs(mediaTime - this.#mediaTime) < SAME_FRAME_S;
    const missed = this.#countedAnew || isSameFrame ? 0 : since;
    this.callbacks++;
    this.#last = presentedFrames;
    this.#mediaTime = mediaTime;
    this.#countedAnew = false;
    return missed;
  }
}
