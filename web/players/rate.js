/**
 * Holds the buffer at a small size by playback rate. The lead (newest media time − current time) is sampled right after
 * each append; its low end over the last 700 ms is what keeps from stalling.
 */

/**
 * @typedef {object} RateOptions
 * @property {number} targetS Lead to hold.
 * @property {number} [windowS] Samples older than this do not count.
 * @property {number} [quantile] The low end of the samples that is steered.
 * @property {number} [gain] Change of rate per second of error.
 * @property {number} [deadBandS] Errors smaller than this are left alone.
 * @property {number} [seekBeyondS] An error larger than this is seeked over.
 * @property {number} [maxChange] The rate stays within 1 ± this.
 */

const DEFAULTS = { windowS: 0.7, quantile: 0.1, gain: 0.6, deadBandS: 0.003, seekBeyondS: 0.1, maxChange: 0.2 };
/** Samples that make a decision. */
const MIN_SAMPLES = 3;
/** After a seek the buffer has to settle. */
const REST_AFTER_SEEK_S = 0.5;

export class RateController {
  /** @type {{ atS: number, leadS: number }[]} */
  #samples = [];
  #restUntilS = -Infinity;

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
    const { windowS, quantile, targetS, gain, deadBandS, seekBeyondS, maxChange } = this.options;
    this.#samples.push({ atS: nowS, leadS });
    this.#samples = this.#samples.filter(({ atS }) => atS > nowS - windowS);
    if (nowS < this.#restUntilS || this.#samples.length < MIN_SAMPLES) return { rate: 1, seekByS: 0 };
    const leads = this.#samples.map((sample) => sample.leadS).sort((a, b) => a - b);
    const errorS = (leads[Math.floor(leads.length * quantile)] ?? 0) - targetS;
    if (errorS > seekBeyondS) {
      this.#samples = [];
      this.#restUntilS = nowS + REST_AFTER_SEEK_S;
      return { rate: 1, seekByS: errorS };
    }
    if (Math.abs(errorS) <= deadBandS) return { rate: 1, seekByS: 0 };
    return { rate: 1 + Math.min(Math.max(gain * errorS, -maxChange), maxChange), seekByS: 0 };
  }

  /** Forgets what it saw: after a seek or a stall. */
  reset() {
    this.#samples = [];
  }
}
