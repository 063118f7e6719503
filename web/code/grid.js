/**
 * Meaning of the cells of the 24 × 8 grid: row 0 and column 0 are the finder, the rest carries 160 bits, and one cell
 * is spare.
 */

import { WORD_BYTES } from "./payload.js";

export const COLUMNS = 24;
export const ROWS = 8;
/** All cells, row by row. */
export const CELLS = COLUMNS * ROWS;
/** Bits of a word. */
export const BITS = WORD_BYTES * 8;

/** Rows 1 to 4 are filled left to right, rows 5 to 7 back. */
const UPPER_ROWS = 4;
const LOWER_ROWS = ROWS - 1 - UPPER_ROWS;
const UPPER_BITS = (COLUMNS - 1) * UPPER_ROWS;

/**
 * Returns the index of the cell that carries bit `bit` of the word.
 * @param {number} bit
 */
function cellOfBit(bit) {
  if (bit < UPPER_BITS) return (1 + (bit % UPPER_ROWS)) * COLUMNS + 1 + Math.floor(bit / UPPER_ROWS);
  const back = bit - UPPER_BITS;
  return (1 + UPPER_ROWS + (back % LOWER_ROWS)) * COLUMNS + COLUMNS - 1 - Math.floor(back / LOWER_ROWS);
}

/** Cell of each bit; bit 0 is the most significant of byte 0. */
export const BIT_CELLS = Uint8Array.from({ length: BITS }, (_, bit) => cellOfBit(bit));

/** Cells of the finder. */
export const FINDER_CELLS = Uint8Array.from([
  ...Array.from({ length: COLUMNS }, (_, column) => column),
  ...Array.from({ length: ROWS - 1 }, (_, row) => (row + 1) * COLUMNS),
]);

/**
 * Whether a finder cell is white.
 * @param {number} cell
 */
export function whiteFinder(cell) {
  return ((cell % COLUMNS) + Math.floor(cell / COLUMNS)) % 2 === 0;
}

/**
 * Returns the whole grid for a painted word: 1 is white.
 * @param {Uint8Array} word
 */
export function cells(word) {
  const grid = new Uint8Array(CELLS);
  for (const cell of FINDER_CELLS) grid[cell] = whiteFinder(cell) ? 1 : 0;
  BIT_CELLS.forEach((cell, bit) => (grid[cell] = ((word[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1));
  return grid;
}
