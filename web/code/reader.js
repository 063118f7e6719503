/**
 * Reads codes: tries the last position, then where a picture of this size would have it, then searches everywhere.
 */

import { CELLS, COLUMNS, FINDER_CELLS, ROWS, cells, whiteFinder } from "./grid.js";
import { CORNERS, layout } from "./layout.js";
import { decode, encode } from "./payload.js";
import { Sampler } from "./sampler.js";
import { Search } from "./search.js";

/** @import { Place } from "./layout.js" */
/** @import { Payload } from "./payload.js" */
/** @import { Plane } from "./sampler.js" */

/**
 * A rectangle of luma samples.
 * @typedef {object} Rect
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} height
 */

/** @typedef {{ sampler: Sampler, payload: Payload }} Reading */

/** Every cell but the spare one. */
const ALL_CELLS = Uint8Array.from({ length: CELLS }, (_, cell) => cell).filter((cell) => cell !== 7 * COLUMNS + 1);

/** How far the sides of a place are moved when fitting it, in cells. */
const FIT_STEPS = [0.2, 0.1, 0.05];

/**
 * Reads the pictures of one stream and remembers the position of the last code. If the code has moved, spreads the
 * search over several pictures, so that no call takes long.
 */
export class Reader {
  #width = 0;
  #height = 0;
  /** @type {Sampler | null} */
  #lock = null;
  /** @type {Sampler[]} */
  #exact = [];
  #search = new Search(0, 0);

  /**
   * Reads the code in a whole picture; `null` if there is no readable code, or it has not been found yet.
   * @param {Uint8Array} data Luma, row by row.
   * @param {number} width
   * @param {number} height
   * @param {number} [stride] Samples from one row to the next.
   * @returns {Payload | null}
   */
  read(data, width, height, stride = width) {
    if (!(width > 0 && height > 0 && stride >= width && data.length >= (height - 1) * stride + width)) return null;
    this.#resize(width, height);
    const plane = { data, stride, offset: 0 };
    const locked = this.#lock && readAt(this.#lock, plane);
    if (locked) return locked;
    for (const sampler of this.#exact) {
      const payload = readAt(sampler, plane);
      if (payload) {
        this.#lock = sampler;
        return payload;
      }
    }
    const found = this.#search.goOn(plane, (place) => attempt(place, plane, width, height));
    if (!found) return null;
    this.#lock = found.sampler;
    return found.payload;
  }

  /**
   * Returns the rectangle to copy from the next picture to read the code at its last position: even coordinates, as
   * required for 4:2:0. `null` before the first reading and for a picture of another size.
   * @param {number} width Of the picture.
   * @param {number} height
   * @returns {Rect | null}
   */
  window(width, height) {
    if (!this.#lock || width !== this.#width || height !== this.#height) return null;
    const { x, y, cellWidth, cellHeight } = this.#lock.place;
    const [left, top] = [evenBelow(Math.max(x, 0)), evenBelow(Math.max(y, 0))];
    const right = Math.min(evenAbove(x + cellWidth * COLUMNS), evenBelow(width));
    const bottom = Math.min(evenAbove(y + cellHeight * ROWS), evenBelow(height));
    return { x: left, y: top, width: right - left, height: bottom - top };
  }

  /**
   * Reads the code in the rectangle that {@link window} returned.
   * @param {Uint8Array} data Luma of the window.
   * @param {Rect} window
   * @param {number} [stride]
   * @returns {Payload | null}
   */
  readWindow(data, window, stride = window.width) {
    if (!this.#lock || data.length < (window.height - 1) * stride + window.width) return null;
    return readAt(this.#lock, { data, stride, offset: -window.y * stride - window.x });
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  #resize(width, height) {
    if (width === this.#width && height === this.#height) return;
    [this.#width, this.#height] = [width, height];
    this.#lock = null;
    this.#search = new Search(width, height);
    this.#exact = CORNERS.flatMap((corner) => {
      const place = layout(width, height, corner);
      return (place && Sampler.at(place, width, height)) || [];
    });
  }
}

/** @param {number} n */
const evenBelow = (n) => 2 * Math.floor(n / 2);
/** @param {number} n */
const evenAbove = (n) => 2 * Math.ceil(n / 2);

/**
 * @param {Sampler} sampler
 * @param {Plane} plane
 */
function readAt(sampler, plane) {
  const word = sampler.word(plane);
  return word && decode(word);
}

/**
 * Reads a code near `place`, and fits the place to it for later pictures.
 * @param {Place} place
 * @param {Plane} plane
 * @param {number} width
 * @param {number} height
 * @returns {Reading | null}
 */
function attempt(place, plane, width, height) {
  let sampler = Sampler.at(place, width, height);
  if (!sampler) return null;
  let payload = readAt(sampler, plane);
  if (!payload) {
    sampler = fit(sampler, plane, width, height, FINDER_CELLS, whiteFinder);
    payload = readAt(sampler, plane);
    if (!payload) return null;
  }
  const grid = cells(encode(payload));
  return { sampler: fit(sampler, plane, width, height, ALL_CELLS, (cell) => grid[cell] === 1), payload };
}

/**
 * Moves the four sides of the place, in decreasing steps, to maximize the cells' contrast.
 * @param {Sampler} start
 * @param {Plane} plane
 * @param {number} width
 * @param {number} height
 * @param {ArrayLike<number>} which
 * @param {(cell: number) => boolean} isWhite
 */
function fit(start, plane, width, height, which, isWhite) {
  let best = start;
  let contrast = start.contrast(plane, which, isWhite);
  for (const step of FIT_STEPS) {
    for (const moveSide of SIDES) {
      for (const by of [step, -step]) {
        const moved = Sampler.at(moveSide(best.place, by), width, height);
        const now = moved ? moved.contrast(plane, which, isWhite) : -Infinity;
        if (moved && now > contrast) [best, contrast] = [moved, now];
      }
    }
  }
  return best;
}

/**
 * Each moves one side of a place right or down by this many cells and keeps the opposite side.
 * @type {((place: Place, cells: number) => Place)[]}
 */
const SIDES = [
  (p, by) => ({ ...p, x: p.x + by * p.cellWidth, cellWidth: p.cellWidth * (1 - by / COLUMNS) }),
  (p, by) => ({ ...p, cellWidth: p.cellWidth * (1 + by / COLUMNS) }),
  (p, by) => ({ ...p, y: p.y + by * p.cellHeight, cellHeight: p.cellHeight * (1 - by / ROWS) }),
  (p, by) => ({ ...p, cellHeight: p.cellHeight * (1 + by / ROWS) }),
];
