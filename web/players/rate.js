/**
 * Holds the buffer at a small size by playback rate. The lead (newest media time − what is shown) is sampled right
 * after each append; its low end over the last 700 ms is what keeps from stalling.
 *
 * A browser shows frames at the ticks of its screen, and keeps to a rhythm: what is shown moves against the media clock
 * by a whole frame or not at all, and does so where the rate changes. So there is a band in which nothing is done.
 */

/**
 * @typedef {object} RateOptions
 * @property {number} targetS Lead to hold at least.
 * @property {number} [bandS] How much more is let be: at least a frame.
 * @property {number} [windowS] Samples older than this do not count.
 * @property {number} [quantile] The low end of the samples that is steered.
 * @property {number} [gain] Change of rate per second that the lead is too large.
 * @property {number} [gainBelow] The same where it is too small: a stall is near.
 * @property {number} [seekBeyondS] What is further above the band is seeked over.
 * @property {number} [maxChange] The rate stays within 1 ± this.
 */

const DEFAULTS = {
  bandS: 0.038,
  windowS: 0.7,
  quantile: 0.1,
  gain: 0.6,
  gainBelow: 2,
  seekBeyondS: 0.1,
  maxChange: 0.2,
};
/** Steering goes on until the lead is so far within the band. */
const WITHIN_S = 0.002;
/** Samples that make a decision. */
const MIN_SAMPLES = 3;
/** After a seek the buffer has to settle. */
const REST_AFTER_SEEK_S = 0.5;

export class RateController {
  /** @type {{ atS: number, leadS: number }[]} */
  #samples = [];
  #restUntilS = -Infinity;
  #steers = false;

  /** @param {RateOptions} options */
  constructor(options) {
    this.options = { ...DEFAULTS, ...options };
  }

  /**
   * @param {number} nowS
   * @param {number} leadS
   * @returns {{ rate: number, seekByS: number }} What to do now: `seekByS` is 0 or how far to go forward.
   */
  sample(nowS, leadS) {
    const { windowS, quantile, targetS, bandS, seekBeyondS } = this.options;
    this.#samples.push({ atS: nowS, leadS });
    this.#samples = this.#samples.filter(({ atS }) => atS > nowS - windowS);
    if (nowS < this.#restUntilS || this.#samples.length < MIN_SAMPLES) return { rate: 1, seekByS: 0 };
    const leads = this.#samples.map((sample) => sample.leadS).sort((a, b) => a - b);
    const lowS = leads[Math.floor(leads.length * quantile)] ?? 0;
    if (lowS > targetS + bandS + seekBeyondS) {
      this.#samples = [];
      this.#restUntilS = nowS + REST_AFTER_SEEK_S;
      return { rate: 1, seekByS: lowS - targetS - bandS / 2 };
    }
    return { rate: this.#rate(lowS), seekByS: 0 };
  }

  /** @param {number} lowS */
  #rate(lowS) {
    const { targetS, bandS, gain, gainBelow, maxChange } = this.options;
    const withinS = this.#steers ? WITHIN_S : 0;
    const [below, above] = [lowS - targetS - withinS, lowS - targetS - bandS + withinS];
    this.#steers = below < 0 || above > 0;
    // It aims further in than where it stops, so that it gets there.
    if (below < 0) return 1 - Math.min((WITHIN_S - below) * gainBelow, maxChange);
    if (above > 0) return 1 + Math.min((WITHIN_S + above) * gain, maxChange);
    return 1;
  }

  /** Forgets what it saw: after a seek or a stall. */
  reset() {
    this.#samples = [];
  }
}
