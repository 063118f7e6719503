/** Measures the grid's cells in a luma plane, at a place that may have fractional coordinates. */

import { BIT_CELLS, COLUMNS, FINDER_CELLS, ROWS, whiteFinder } from "./grid.js";
import { WORD_BYTES } from "./payload.js";

/** @import { Place } from "./layout.js" */

/** Smallest distinguishable cell, in samples. */
export const MIN_CELL = 1.5;
/** Minimum difference between the finder's white and black cells, in luma levels. */
const MIN_CONTRAST = 24;
/** Most finder cells that may be on the wrong side of the threshold. */
const MAX_FINDER_ERRORS = 3;
/** Central part of each cell that is averaged: blur and scaling mix the rest with its neighbours. */
const CENTRE = 0.5;
/** Most samples averaged per cell and direction: more do not improve the result. */
const MAX_TAPS = 6;
/** Most samples touched by {@link MAX_TAPS} at fractional positions. */
const MAX_TOUCHED = 8;
/** A code may exceed the picture by this fraction of a cell, which leaves the cells' centres inside. */
const OVERHANG = 0.2;

/**
 * Luma samples of a picture, or of a window of it.
 * @typedef {object} Plane
 * @property {Uint8Array} data
 * @property {number} stride From one row to the next.
 * @property {number} offset Index of the picture's sample at (0, 0): negative where `data` is a window.
 */

/**
 * The samples in the middle of each cell, in one direction.
 * @typedef {object} Spans
 * @property {Int32Array} start
 * @property {Int32Array} length
 * @property {Float64Array} weights {@link MAX_TOUCHED} for each cell; those of a cell add up to 1.
 */

export class Sampler {
  /**
   * @param {Place} place
   * @param {Spans} columns
   * @param {Spans} rows
   */
  constructor(place, columns, rows) {
    this.place = place;
    this.columns = columns;
    this.rows = rows;
  }

  /**
   * Returns `null` if the place exceeds a picture of `width` × `height` or its cells are smaller than {@link
   * MIN_CELL}.
   * @param {Place} place
   * @param {number} width
   * @param {number} height
   */
  static at(place, width, height) {
    const columns = spans(place.x, place.cellWidth, COLUMNS, width);
    const rows = spans(place.y, place.cellHeight, ROWS, height);
    return columns && rows && new Sampler(place, columns, rows);
  }

  /**
   * Reads the word at this place; `null` if the finder is not there.
   * @param {Plane} plane
   * @returns {Uint8Array | null}
   */
  word(plane) {
    const threshold = this.#threshold(plane);
    if (threshold === null) return null;
    const word = new Uint8Array(WORD_BYTES);
    for (let bit = 0; bit < BIT_CELLS.length; bit++) {
      const white = this.#level(plane, BIT_CELLS[bit] ?? 0) > threshold;
      if (white) word[bit >> 3] = (word[bit >> 3] ?? 0) | (128 >> (bit & 7));
    }
    return word;
  }

  /**
   * Returns how much brighter the white ones of `cells` are than the others, in luma levels.
   * @param {Plane} plane
   * @param {ArrayLike<number>} cells
   * @param {(cell: number) => boolean} isWhite
   */
  contrast(plane, cells, isWhite) {
    const { white, black } = this.#means(plane, cells, isWhite);
    return white - black;
  }

  /** @param {Plane} plane */
  #threshold(plane) {
    const { white, black } = this.#means(plane, FINDER_CELLS, whiteFinder);
    if (white - black < MIN_CONTRAST) return null;
    const threshold = (white + black) / 2;
    let wrong = 0;
    for (const cell of FINDER_CELLS) {
      if (this.#level(plane, cell) > threshold !== whiteFinder(cell)) wrong++;
    }
    return wrong <= MAX_FINDER_ERRORS ? threshold : null;
  }

  /**
   * @param {Plane} plane
   * @param {ArrayLike<number>} cells
   * @param {(cell: number) => boolean} isWhite
   */
  #means(plane, cells, isWhite) {
    let [white, whites, black, blacks] = [0, 0, 0, 0];
    for (let i = 0; i < cells.length; i++) {
      const cell = cells[i] ?? 0;
      const level = this.#level(plane, cell);
      if (isWhite(cell)) {
        white += level;
        whites++;
      } else {
        black += level;
        blacks++;
      }
    }
    return { white: white / Math.max(whites, 1), black: black / Math.max(blacks, 1) };
  }

  /**
   * Returns the mean of a cell's middle.
   * @param {Plane} plane
   * @param {number} cell
   */
  #level(plane, cell) {
    const { columns, rows } = this;
    const { data, stride, offset } = plane;
    const column = cell % COLUMNS;
    const row = (cell - column) / COLUMNS;
    const [width, height] = [columns.length[column] ?? 0, rows.length[row] ?? 0];
    const [firstX, firstY] = [column * MAX_TOUCHED, row * MAX_TOUCHED];
    let line = offset + (rows.start[row] ?? 0) * stride + (columns.start[column] ?? 0);
    let sum = 0;
    for (let y = 0; y < height; y++, line += stride) {
      let across = 0;
      for (let x = 0; x < width; x++) across += (data[line + x] ?? 0) * (columns.weights[firstX + x] ?? 0);
      sum += across * (rows.weights[firstY + y] ?? 0);
    }
    return sum;
  }
}

/**
 * Returns the spans of `count` cells of `cell` samples from `origin` on; `null` if they exceed `0..side`.
 * @param {number} origin
 * @param {number} cell
 * @param {number} count
 * @param {number} side
 * @returns {Spans | null}
 */
function spans(origin, cell, count, side) {
  // Written to reject NaN as well.
  const fits = cell >= MIN_CELL && origin >= -OVERHANG * cell && origin + cell * count <= side + OVERHANG * cell;
  if (!fits) return null;
  const taps = Math.min(Math.max(cell * CENTRE, 1), MAX_TAPS);
  const result = {
    start: new Int32Array(count),
    length: new Int32Array(count),
    weights: new Float64Array(count * MAX_TOUCHED),
  };
  for (let n = 0; n < count; n++) {
    const middle = origin + cell * (n + 0.5);
    const [from, to] = [Math.max(middle - taps / 2, 0), Math.min(middle + taps / 2, side)];
    const start = Math.floor(from);
    const length = Math.min(Math.max(Math.ceil(to) - start, 1), MAX_TOUCHED);
    result.start[n] = start;
    result.length[n] = length;
    for (let i = 0; i < length; i++) {
      const part = Math.min(to, start + i + 1) - Math.max(from, start + i);
      result.weights[n * MAX_TOUCHED + i] = Math.max(part, 0) / (to - from);
    }
  }
  return result;
}
