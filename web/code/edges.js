/** Finds edges along a line of samples, and the equal cells between them. */

import { MIN_CELL } from "./sampler.js";

/** Tolerance of an edge's position: a fraction of a cell plus a fraction of a sample. */
const SLACK_CELL = 0.3;
const SLACK_SAMPLE = 0.25;

/**
 * Positions where luma crosses the middle between two extremes, in samples (sample *n* spans *n* to *n* + 1). Stored
 * as two parallel arrays, refilled for each line.
 * @typedef {object} Edges
 * @property {number} count
 * @property {Float64Array} at
 * @property {Uint8Array} falling 1 from white to black.
 */

/**
 * @param {number} capacity
 * @returns {Edges}
 */
export function edgeBuffer(capacity) {
  return { count: 0, at: new Float64Array(capacity), falling: new Uint8Array(capacity) };
}

/**
 * Writes the edges along a line to `edges`: each lies between a low and a high extreme that differ by more than
 * `height`.
 * @param {Uint8Array} data
 * @param {number} from Index of the line's first sample.
 * @param {number} step To the next sample.
 * @param {number} count Samples of the line.
 * @param {number} height
 * @param {Edges} edges Has room for `count`.
 */
export function findEdges(data, from, step, count, height, edges) {
  edges.count = 0;
  const level = (/** @type {number} */ n) => data[from + n * step] ?? 0;
  // Until the first pair of extremes, luma may be rising or falling.
  let [low, high, n] = [0, 0, 1];
  while (n < count && level(high) - level(low) <= height) {
    if (level(n) < level(low)) low = n;
    if (level(n) > level(high)) high = n;
    n++;
  }
  if (level(high) - level(low) <= height) return;
  let [start, end] = low < high ? [low, high] : [high, low];
  const add = () => {
    const falling = level(end) < level(start);
    edges.at[edges.count] = crossing(level, start, end, falling);
    edges.falling[edges.count++] = falling ? 1 : 0;
  };
  for (; n < count; n++) {
    const onwards = level(end) > level(start) ? level(n) - level(end) : level(end) - level(n);
    if (onwards > 0) {
      end = n;
    } else if (-onwards > height) {
      add();
      [start, end] = [end, n];
    }
  }
  add();
}

/**
 * @param {(n: number) => number} level
 * @param {number} start
 * @param {number} end
 * @param {boolean} falling
 */
function crossing(level, start, end, falling) {
  const middle = (level(start) + level(end)) / 2;
  let after = start + 1;
  while (after < end && level(after) >= middle === falling) after++;
  const [a, b] = [level(after - 1), level(after)];
  const part = a === b ? 0.5 : Math.min(Math.max((middle - a) / (b - a), 0), 1);
  // Levels apply to the centres of samples.
  return after - 0.5 + part;
}

/**
 * Returns origin and size of the cells between the `count` edges from `first` on, the first cell being white; `null`
 * if the cells are not equal.
 * @param {Edges} edges
 * @param {number} first
 * @param {number} count
 * @returns {{ origin: number, cell: number } | null}
 */
export function cellsBetween(edges, first, count) {
  if (first + count > edges.count || !edges.falling[first]) return null;
  const at = (/** @type {number} */ n) => edges.at[first + n] ?? 0;
  const start = at(0);
  const cell = (at(count - 1) - start) / (count - 1);
  if (cell < MIN_CELL) return null;
  const slack = SLACK_CELL * cell + SLACK_SAMPLE;
  let sum = 0;
  for (let n = 0; n < count; n++) {
    if (Math.abs(at(n) - start - n * cell) > slack) return null;
    sum += at(n) - start;
  }
  // Fit a straight line through all edges: its slope is the cell size, and it passes through their mean.
  const [middle, mean] = [(count - 1) / 2, sum / count];
  let [product, square] = [0, 0];
  for (let n = 0; n < count; n++) {
    product += (n - middle) * (at(n) - start - mean);
    square += (n - middle) ** 2;
  }
  const slope = product / square;
  return { origin: start + mean - (middle + 1) * slope, cell: slope };
}
