/** Maps media times to wall times, from pieces that state their start. */

/** Most pieces remembered. */
const MAX_PIECES = 500;

export class Dates {
  /** @type {{ fromS: number, dateMs: number }[]} In order of appending. */
  #pieces = [];

  /**
   * @param {number} fromS Media time of the start of a piece.
   * @param {number | null} dateMs Its wall time.
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
    // A frame's time may be rounded differently from its piece's.
    const piece = this.#pieces.findLast(({ fromS }) => fromS <= mediaTimeS + 0.002);
    return piece ? piece.dateMs + (mediaTimeS - piece.fromS) * 1000 : null;
  }
}
