/** Measures the cost of reading a 720p picture: tracking (the code is where it was), and one search call. */

import { Reader } from "../code/reader.js";
import { scene, stamped } from "../test/support/picture.js";

const [WIDTH, HEIGHT] = [1280, 720];

/**
 * @param {string} name
 * @param {number} count
 * @param {() => void} run
 */
function bench(name, count, run) {
  for (let n = 0; n < count / 10; n++) run();
  const times = Array.from({ length: count }, () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  }).sort((a, b) => a - b);
  const at = (/** @type {number} */ part) => ((times[Math.floor(count * part)] ?? 0) * 1000).toFixed(0);
  console.log(`${name}: p50 ${at(0.5)} µs, p99 ${at(0.99)} µs, max ${at(1 - 1 / count)} µs`);
}

const reader = new Reader();
const { data } = stamped(WIDTH, HEIGHT);
bench("tracking, whole picture", 2000, () => {
  if (!reader.read(data, WIDTH, HEIGHT)) throw new Error("not read");
});
const window = reader.window(WIDTH, HEIGHT);
if (!window) throw new Error("not locked");
const part = new Uint8Array(window.width * window.height);
for (let y = 0; y < window.height; y++) {
  const start = (window.y + y) * WIDTH + window.x;
  part.set(data.subarray(start, start + window.width), y * window.width);
}
bench("tracking, window", 2000, () => {
  if (!reader.readWindow(part, window)) throw new Error("not read");
});
const [nothing, searching] = [scene(WIDTH, HEIGHT), new Reader()];
bench("search, one call", 500, () => void searching.read(nothing.data, WIDTH, HEIGHT));
