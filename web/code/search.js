/**
 * Searches for a code of any position and size: players scale, letterbox and crop. The finder's first row appears in
 * a line of samples as equidistant edges, and its first column does so vertically. Each call examines a few lines and
 * continues where the previous one stopped, since the code of a stream does not move.
 */

import { cellsBetween, edgeBuffer, findEdges } from "./edges.js";
import { COLUMNS, ROWS } from "./grid.js";

/** @import { Place } from "./layout.js" */
/** @import { Plane } from "./sampler.js" */

/** Approximate number of samples examined per call, including the cost of trying places. */
const SAMPLES_PER_CALL = 1 << 16;
const COST_OF_COLUMN = 1 << 12;
const COST_OF_ATTEMPT = 1 << 14;
/** A code's row is higher than the distance between two lines of a sweep; later sweeps cover the lines in between. */
const LINES_PER_SWEEP = 270;
/** Minimum edge heights in luma levels, alternating between sweeps: one above camera noise, one for low contrast. */
const EDGE_HEIGHTS = [72, 28];
/** Cells may be this much higher than wide. */
const MAX_ASPECT = 4;
const ROW_EDGES = COLUMNS - 1;
const COLUMN_EDGES = ROWS - 1;

export class Search {
  #sweep = 0;
  /** Lines of this sweep already examined. */
  #lines = 0;
  /** Remaining samples for this call. */
  #left = 0;

  /**
   * @param {number} width
   * @param {number} height
   */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.across = edgeBuffer(width);
    this.down = edgeBuffer(height);
  }

  /**
   * Searches for one call's worth of samples. Passes each place with a finder's edges to `attempt` until that returns
   * a result.
   * @template T
   * @param {Plane} plane The whole picture.
   * @param {(place: Place) => T | null} attempt
   * @returns {T | null}
   */
  goOn(plane, attempt) {
    const step = Math.max(Math.ceil(this.height / LINES_PER_SWEEP), 1);
    this.#left = SAMPLES_PER_CALL;
    let sweeps = EDGE_HEIGHTS.length;
    while (this.#left > 0 && sweeps > 0) {
      const line = (Math.floor(this.#sweep / EDGE_HEIGHTS.length) % step) + this.#lines * step;
      if (line >= this.height) {
        this.#sweep++;
        this.#lines = 0;
        sweeps--;
        continue;
      }
      this.#lines++;
      this.#left -= this.width;
      const found = this.#line(plane, line, attempt);
      if (found) return found;
    }
    return null;
  }

  /**
   * @template T
   * @param {Plane} plane
   * @param {number} line
   * @param {(place: Place) => T | null} attempt
   * @returns {T | null}
   */
  #line(plane, line, attempt) {
    const height = EDGE_HEIGHTS[this.#sweep % EDGE_HEIGHTS.length] ?? 0;
    const { across, down } = this;
    const start = plane.offset + line * plane.stride;
    findEdges(plane.data, start, 1, this.width, height, across);
    for (let first = 0; first + ROW_EDGES <= across.count; first++) {
      const row = cellsBetween(across, first, ROW_EDGES);
      if (!row) continue;
      if (this.#left <= 0) return null;
      this.#left -= COST_OF_COLUMN;
      const below = Math.min(Math.floor(row.cell * MAX_ASPECT * ROWS), this.height - line);
      const x = Math.min(Math.max(Math.floor(row.origin + row.cell / 2), 0), this.width - 1);
      findEdges(plane.data, start + x, plane.stride, below, height, down);
      const column = cellsBetween(down, 0, COLUMN_EDGES);
      if (!column) continue;
      this.#left -= COST_OF_ATTEMPT;
      const place = { x: row.origin, y: line + column.origin, cellWidth: row.cell, cellHeight: column.cell };
      const found = attempt(place);
      if (found) return found;
    }
    return null;
  }
}
