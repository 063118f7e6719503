/** Wall times of media times, from pieces that state when they begin. */

/** Pieces that are remembered. */
const MAX_PIECES = 500;

export class Dates {
  /** @type {{ fromS: number, dateMs: number }[]} In order of media time, as appended. */
  #pieces = [];

  /**
   * @param {number} fromS Media time at which a piece begins.
   * @param {number | null} dateMs Wall time of that.
   */
  add(fromS, dateMs) {
    if (dateMs === null) return;
    this.#pieces.push({ fromS, dateMs });
    if (this.#pieces.length > MAX_PIECES) this.#pieces.splice(0, MAX_PIECES / 2);
  }

  /**
   * @param {number} mediaTimeS
   * @returns {number | null} In ms; `null` before the first piece.
   */
  at(mediaTimeS) {
    // A frame's time and its piece's are rounded differently.
    const piece = this.#pieces.findLast(({ fromS }) => fromS <= mediaTimeS + 0.002);
    return piece ? piece.dateMs + (mediaTimeS - piece.fromS) * 1000 : null;
  }
}
