/** Pictures with codes, and the transformations that players apply. */

import { COLUMNS, cells } from "../../code/grid.js";
import { layout } from "../../code/layout.js";
import { encode } from "../../code/payload.js";

/** @import { Corner } from "../../code/layout.js" */
/** @import { Payload } from "../../code/payload.js" */
/** @import { Picture } from "./png.js" */

export const PAYLOAD = { streamId: 7, sequence: 123_456, timeUs: 1_763_722_800_123_456 };

/**
 * A deterministic random number generator (mulberry32) with values in 0..1.
 * @param {number} seed
 */
export function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Draws steps, edges and a camera's noise.
 * @param {number} width
 * @param {number} height
 * @returns {Picture}
 */
export function scene(width, height) {
  const noise = random(1);
  const sample = (/** @type {number} */ i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return 50 + ((Math.floor(x / 40) + Math.floor(y / 30)) % 6) * 28 + noise() * 12;
  };
  return { width, height, data: Uint8Array.from({ length: width * height }, (_, i) => sample(i)) };
}

/**
 * Paints a code into a picture.
 * @param {Picture} picture
 * @param {Corner} corner
 * @param {Payload} payload
 */
export function paint({ width, height, data }, corner, payload) {
  const place = layout(width, height, corner);
  if (!place) throw new Error("too small");
  cells(encode(payload)).forEach((white, cell) => {
    const x = place.x + (cell % COLUMNS) * place.cellWidth;
    const y = place.y + Math.floor(cell / COLUMNS) * place.cellHeight;
    for (let row = y; row < y + place.cellHeight; row++) {
      data.fill(white ? 235 : 16, row * width + x, row * width + x + place.cellWidth);
    }
  });
}

/**
 * Returns a scene with {@link PAYLOAD}.
 * @param {number} width
 * @param {number} height
 * @param {Corner} [corner]
 */
export function stamped(width, height, corner = "top-left") {
  const picture = scene(width, height);
  paint(picture, corner, PAYLOAD);
  return picture;
}

/**
 * Scaled by a triangle filter as wide as the larger of both samples ("bilinear" as players have it), or by the nearest
 * sample.
 * @param {Picture} picture
 * @param {number} scaleX
 * @param {number} scaleY
 * @param {"triangle" | "nearest"} filter
 * @returns {Picture}
 */
export function scaled(picture, scaleX, scaleY, filter) {
  const [width, height] = [Math.round(picture.width * scaleX), Math.round(picture.height * scaleY)];
  const columns = taps(picture.width, width, filter);
  const rows = taps(picture.height, height, filter);
  const narrow = new Float64Array(width * picture.height);
  for (let y = 0; y < picture.height; y++) {
    const line = picture.data.subarray(y * picture.width, (y + 1) * picture.width);
    columns.forEach((tap, x) => {
      narrow[y * width + x] = tap.reduce((sum, [at, weight]) => sum + weight * (line[at] ?? 0), 0);
    });
  }
  const data = new Uint8ClampedArray(width * height);
  rows.forEach((tap, y) => {
    for (let x = 0; x < width; x++) {
      data[y * width + x] = tap.reduce((sum, [at, weight]) => sum + weight * (narrow[at * width + x] ?? 0), 0);
    }
  });
  return { width, height, data: new Uint8Array(data.buffer) };
}

/**
 * Returns, for each sample of `to`, the samples of `from` that it combines, with their weights.
 * @param {number} from
 * @param {number} to
 * @param {"triangle" | "nearest"} filter
 * @returns {[number, number][][]}
 */
function taps(from, to, filter) {
  const scale = from / to;
  return Array.from({ length: to }, (_, n) => {
    const centre = (n + 0.5) * scale;
    if (filter === "nearest") return [[Math.min(Math.floor(centre), from - 1), 1]];
    const radius = Math.max(scale, 1);
    /** @type {[number, number][]} */
    const tap = [];
    const [first, last] = [Math.max(Math.floor(centre - radius), 0), Math.min(Math.ceil(centre + radius), from - 1)];
    for (let at = first; at <= last; at++) {
      const weight = 1 - Math.abs(at + 0.5 - centre) / radius;
      if (weight > 0) tap.push([at, weight]);
    }
    const sum = tap.reduce((all, [, weight]) => all + weight, 0);
    return tap.map(([at, weight]) => [at, weight / sum]);
  });
}

/**
 * Adds black bars of `x` and `y` samples on each side.
 * @param {Picture} picture
 * @param {number} x
 * @param {number} y
 * @returns {Picture}
 */
export function boxed(picture, x, y) {
  const [width, height] = [picture.width + 2 * x, picture.height + 2 * y];
  const data = new Uint8Array(width * height).fill(16);
  for (let row = 0; row < picture.height; row++) {
    const line = picture.data.subarray(row * picture.width, (row + 1) * picture.width);
    data.set(line, (row + y) * width + x);
  }
  return { width, height, data };
}

/**
 * Crops `x` and `y` samples on each side.
 * @param {Picture} picture
 * @param {number} x
 * @param {number} y
 * @returns {Picture}
 */
export function cropped(picture, x, y) {
  const [width, height] = [picture.width - 2 * x, picture.height - 2 * y];
  const data = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    const start = (row + y) * picture.width + x;
    data.set(picture.data.subarray(start, start + width), row * width);
  }
  return { width, height, data };
}

/**
 * Maps each level by `change`.
 * @param {Picture} picture
 * @param {(level: number) => number} change
 * @returns {Picture}
 */
export function levels(picture, change) {
  return { ...picture, data: new Uint8Array(Uint8ClampedArray.from(picture.data, change).buffer) };
}
