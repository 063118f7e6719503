/** Reads 8-bit grey PNG files, the format of the vectors. */

import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";

/** @typedef {{ width: number, height: number, data: Uint8Array }} Picture */

/**
 * @param {string | URL} path
 * @returns {Picture}
 */
export function readPng(path) {
  const file = readFileSync(path);
  const [width, height, depth, colour] = [file.readUInt32BE(16), file.readUInt32BE(20), file[24], file[25]];
  if (depth !== 8 || colour !== 0) throw new Error(`${path} is not a grey picture of 8 bits`);
  const compressed = [];
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    if (file.toString("latin1", at + 4, at + 8) === "IDAT") compressed.push(file.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  return { width, height, data: unfilter(inflateSync(Buffer.concat(compressed)), width, height) };
}

/**
 * @param {Uint8Array} raw
 * @param {number} width
 * @param {number} height
 */
function unfilter(raw, width, height) {
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (width + 1)] ?? 0;
    for (let x = 0; x < width; x++) {
      const left = x > 0 ? (data[y * width + x - 1] ?? 0) : 0;
      const up = y > 0 ? (data[(y - 1) * width + x] ?? 0) : 0;
      const corner = x > 0 && y > 0 ? (data[(y - 1) * width + x - 1] ?? 0) : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter] ?? 0;
      data[y * width + x] = (raw[y * (width + 1) + 1 + x] ?? 0) + guess;
    }
  }
  return data;
}

/** @param {number} left @param {number} up @param {number} corner */
function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}
