/** Position of the code in a picture of a given size. */

import { COLUMNS, ROWS } from "./grid.js";

/** @typedef {"top-left" | "top-right" | "bottom-left" | "bottom-right"} Corner */

/**
 * Top left corner and cell size of a code, in luma samples; fractional if the code was scaled.
 * @typedef {object} Place
 * @property {number} x
 * @property {number} y
 * @property {number} cellWidth
 * @property {number} cellHeight
 */

/** @type {readonly Corner[]} */
export const CORNERS = ["top-left", "top-right", "bottom-left", "bottom-right"];

const SMALLEST = { width: 128, height: 64 };
const CELL_STEP = 4;
const MACROBLOCK = 16;

/**
 * Returns the place of a code as painted; `null` for a picture below 128 × 64.
 * @param {number} width
 * @param {number} height
 * @param {Corner} corner
 * @returns {Place | null}
 */
export function layout(width, height, corner) {
  if (width < SMALLEST.width || height < SMALLEST.height) return null;
  const [insetX, insetY] = [inset(width), inset(height)];
  const cell = cellFor(width, height, insetX, insetY);
  const far = (/** @type {number} */ side, /** @type {number} */ from, /** @type {number} */ cells) =>
    MACROBLOCK * Math.floor((side - from - cells * cell) / MACROBLOCK);
  return {
    x: corner.endsWith("right") ? far(width, insetX, COLUMNS) : insetX,
    y: corner.startsWith("bottom") ? far(height, insetY, ROWS) : insetY,
    cellWidth: cell,
    cellHeight: cell,
  };
}

/**
 * Returns more than 2 % of the side, in whole macroblocks.
 * @param {number} side
 */
function inset(side) {
  return MACROBLOCK * Math.ceil((Math.floor(side / 50) + 1) / MACROBLOCK);
}

/**
 * @param {number} width
 * @param {number} height
 * @param {number} insetX
 * @param {number} insetY
 */
function cellFor(width, height, insetX, insetY) {
  const area = width * height;
  const budget = Math.floor((area * (area < 1280 * 720 ? 40 : 25)) / 1000);
  const largest = Math.min(
    Math.sqrt(budget / (COLUMNS * ROWS)),
    Math.floor((width - 2 * insetX) / COLUMNS),
    Math.floor((height - 2 * insetY) / ROWS),
  );
  return Math.max(CELL_STEP, CELL_STEP * Math.floor(largest / CELL_STEP));
}
