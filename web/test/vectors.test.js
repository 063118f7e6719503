/** Tests the reader against the vectors of `docs/corner-code.md`. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { cells, COLUMNS, ROWS } from "../code/grid.js";
import { layout } from "../code/layout.js";
import { codeword, crc24, decode, encode } from "../code/payload.js";
import { Reader } from "../code/reader.js";
import { readPng } from "./support/png.js";

const FOLDER = new URL("../../tests/golden/corner-code/", import.meta.url);
const vectors = JSON.parse(readFileSync(new URL("vectors.json", FOLDER), "utf8"));
/** Times a picture is repeated for the reader to find a code at an unusual position. */
const PATIENCE = 20;

/** @param {{ stream_id: number, sequence: number, time_us: number } | null} p */
const payload = (p) => p && { streamId: p.stream_id, sequence: p.sequence, timeUs: p.time_us };
/** @param {Uint8Array} bytes */
const hex = (bytes) => Buffer.from(bytes).toString("hex");

test("the CRC is CRC-24/OPENPGP", () => {
  assert.equal(crc24(new TextEncoder().encode("123456789"), 9), 0x21cf02);
});

test("words are encoded and decoded as the vectors say", () => {
  assert.ok(vectors.words.length >= 5);
  for (const word of vectors.words) {
    const fields = payload(word.payload);
    assert.ok(fields);
    const [coded, painted] = [codeword(fields), encode(fields)];
    assert.equal(hex(coded.subarray(0, 14)), word.message);
    assert.equal(hex(coded), word.codeword);
    assert.equal(hex(painted), word.painted);
    const grid = cells(painted);
    const drawn = Array.from({ length: ROWS }, (_, row) =>
      Array.from(grid.subarray(row * COLUMNS, (row + 1) * COLUMNS), (white) => (white ? "#" : ".")).join(""),
    );
    assert.deepEqual(drawn, word.cells);
    assert.deepEqual(decode(painted), fields);
  }
});

test("layouts are where the vectors say", () => {
  assert.ok(vectors.layouts.length >= 36);
  for (const { width, height, corner, x, y, cell } of vectors.layouts) {
    const expected = { x, y, cellWidth: cell, cellHeight: cell };
    assert.deepEqual(layout(width, height, corner), expected, `${width}x${height} ${corner}`);
  }
});

for (const { file, about, reading } of vectors.frames) {
  test(`the picture ${file} (${about}) reads as the vectors say`, () => {
    const { data, width, height } = readPng(new URL(file, FOLDER));
    const reader = new Reader();
    let read = null;
    for (let call = 0; call < PATIENCE && !read; call++) read = reader.read(data, width, height);
    assert.deepEqual(read, payload(reading));
  });
}
