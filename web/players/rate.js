/**
 * Holds the buffer small by playback rate. The lead (newest media time − media time shown) is sampled after each
 * append; the low end of the last 700 ms is controlled, because it decides about stalls.
 *
 * A browser shows frames at its screen's refresh ticks, so the shown time moves against the media clock by whole
 * frames or not at all, and jumps when the rate changes. The controller therefore has a dead band.
 */

/**
 * @typedef {object} RateOptions
 * @property {number} targetS Minimum lead.
 * @property {number} [bandS] Width of the dead band above it: at least a frame.
 * @property {number} [windowS] Maximum age of samples.
 * @property {number} [quantile] The quantile of the samples that is controlled.
 * @property {number} [gain] Rate change per second of excess lead.
 * @property {number} [gainBelow] Rate change per second of missing lead, when a stall is near.
 * @property {number} [seekBeyondS] Excess above the band that is skipped by seeking.
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
/** Distance into the band at which a correction from below stops. One from above stops in the middle. */
const WITHIN_S = 0.002;
/** Samples needed for a decision. */
const MIN_SAMPLES = 3;
/** Time for the buffer to settle after a seek. */
const REST_AFTER_SEEK_S = 0.5;

export class RateController {
  /** @type {{ atS: number, leadS: number }[]} */
  #samples = [];
  #restUntilS = -Infinity;
  /**
   * Where the lead is being steered. Playback begins anywhere in the band, often above its middle.
   * @type {"up" | "down" | null}
   */
  #steers = "down";

  /** @param {RateOptions} options */
  constructor(options) {
    this.options = { ...DEFAULTS, ...options };
  }

  /**
   * @param {number} nowS
   * @param {number} leadS
   * @returns {{ rate: number, seekByS: number }} What to do now: `seekByS` is 0 or the distance to seek forward.
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
    const [aboveS, middleS] = [lowS - targetS, bandS / 2];
    if (aboveS < 0) this.#steers = "up";
    else if (aboveS > bandS) this.#steers = "down";
    else if (this.#steers === "up" ? aboveS >= WITHIN_S : aboveS <= middleS) this.#steers = null;
    // Aim a little beyond the stopping point, so that it is reached.
    if (this.#steers === "up") return 1 - Math.min((2 * WITHIN_S - aboveS) * gainBelow, maxChange);
    if (this.#steers === "down") return 1 + Math.min((aboveS - middleS + WITHIN_S) * gain, maxChange);
    return 1;
  }

  /** Discards all samples after a seek or a stall. */
  reset() {
    this.#samples = [];
  }
}
