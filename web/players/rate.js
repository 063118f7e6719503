/**
 * Holds the buffer small by playback rate. The lead (newest media time − media time shown) is sampled after each
 * append; the low end of the last 700 ms (of the last 200 ms while it grows) is controlled, because it decides about
 * stalls.
 *
 * A browser shows frames at its screen's refresh ticks, so the shown time moves against the media clock by whole
 * frames or not at all, and jumps when the rate changes. The controller therefore has a dead band, wider than a
 * frame. Steering down from far above overshoots by up to two frames: after a stall the lead may stay larger by three.
 */

/**
 * @typedef {object} RateOptions
 * @property {number} targetS Minimum lead.
 * @property {number} [bandS] Width of the dead band above it: a frame and a half.
 * @property {number} [windowS] Maximum age of samples.
 * @property {number} [quantile] The quantile of the samples that is controlled.
 * @property {number} [gain] Rate change per second of excess lead.
 * @property {number} [gainBelow] Rate change per second of missing lead, when a stall is near.
 * @property {number} [seekBeyondS] Excess above the band that is skipped by seeking.
 * @property {number} [maxChange] The rate stays within 1 ± this.
 */

const DEFAULTS = {
  bandS: 0.05,
  windowS: 0.7,
  quantile: 0.1,
  gain: 1.2,
  gainBelow: 2,
  seekBeyondS: 0.1,
  maxChange: 0.2,
};
/** Distance into the band at which a correction from below stops. One from above stops in the middle. */
const WITHIN_S = 0.002;
/**
 * Smallest change of the rate: the less time a browser spends at another rate than 1, the fewer frames it skips or
 * shows for longer.
 */
const LEAST_CHANGE = 0.01;
/** Maximum age of samples while the lead is made to grow, s. */
const GROWING_WINDOW_S = 0.2;
/** Samples needed for a decision. */
const MIN_SAMPLES = 3;
/** Width of the dead band after a stall, which showed that the lead was too small. */
const BAND_AFTER_STALL_S = 0.1;
/** Time for the buffer to settle after a seek. */
const REST_AFTER_SEEK_S = 0.5;

export class RateController {
  /** @type {{ atS: number, leadS: number }[]} */
  #samples = [];
  #restUntilS = -Infinity;
  /** Where the lead is being steered. @type {"up" | "down" | null} */
  #steers = null;

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
    const recent = this.#recent(nowS);
    const leads = recent.map((sample) => sample.leadS).sort((a, b) => a - b);
    const lowS = leads[Math.floor(leads.length * quantile)] ?? 0;
    if (lowS > targetS + bandS + seekBeyondS) {
      this.#samples = [];
      this.#restUntilS = nowS + REST_AFTER_SEEK_S;
      return { rate: 1, seekByS: lowS - targetS - bandS / 2 };
    }
    const grew = this.#steers === "up";
    const rate = this.#rate(lowS);
    // What has grown since is not steered by what it was before.
    if (grew && this.#steers !== "up") this.#samples = recent;
    return { rate, seekByS: 0 };
  }

  /**
   * The samples that count: while the lead is made to grow, the newest ones, because the low end is that of the oldest.
   * @param {number} nowS
   */
  #recent(nowS) {
    if (this.#steers !== "up") return this.#samples;
    const recent = this.#samples.filter(({ atS }) => atS > nowS - GROWING_WINDOW_S);
    return recent.length < MIN_SAMPLES ? this.#samples.slice(-MIN_SAMPLES) : recent;
  }

  /** @param {number} lowS */
  #rate(lowS) {
    const { targetS, bandS, gain, gainBelow, maxChange } = this.options;
    const [aboveS, middleS] = [lowS - targetS, bandS / 2];
    if (aboveS < 0) this.#steers = "up";
    else if (aboveS > bandS) this.#steers = "down";
    else if (this.#steers === "up" ? aboveS >= WITHIN_S : aboveS <= middleS) this.#steers = null;
    const change = (/** @type {number} */ by) => Math.min(Math.max(by, LEAST_CHANGE), maxChange);
    if (this.#steers === "up") return 1 - change((WITHIN_S - aboveS) * gainBelow);
    if (this.#steers === "down") return 1 + change((aboveS - middleS) * gain);
    return 1;
  }

  /** From now on, a larger lead is left alone. */
  stalled() {
    this.options.bandS = Math.max(this.options.bandS, BAND_AFTER_STALL_S);
  }

  /** Starts over after a seek or a stall. */
  reset() {
    this.#samples = [];
    this.#steers = null;
  }
}
