import assert from "node:assert/strict";
import { test } from "node:test";

import { CORNERS, layout } from "../code/layout.js";
import { decode, encode } from "../code/payload.js";
import { mediaUsOf } from "../code/grab.js";
import { Reader } from "../code/reader.js";
import { PAYLOAD, boxed, cropped, levels, paint, random, scaled, scene, stamped } from "./support/picture.js";

/** @import { Picture } from "./support/png.js" */

/** Most pictures needed to find a code that has moved. */
const PATIENCE = 48;
/** @type {[number, number][]} */
const SIZES = [[256, 144], [640, 480], [1280, 720]];
/** @type {[number, number][]} */
const SCALES = [[0.4, 0.4], [0.5, 0.5], [0.63, 0.63], [0.75, 0.6], [1.5, 1.5], [3, 3]];

/**
 * @param {Reader} reader
 * @param {Picture} picture
 */
function readPatiently(reader, { data, width, height }) {
  let read = null;
  for (let call = 0; call < PATIENCE && !read; call++) read = reader.read(data, width, height);
  return read;
}

/**
 * Checks that a new reader finds the code, and then finds it again in the window it asks for.
 * @param {Picture} picture
 * @param {string} about
 */
function check(picture, about) {
  const reader = new Reader();
  assert.deepEqual(readPatiently(reader, picture), PAYLOAD, about);
  const window = reader.window(picture.width, picture.height);
  assert.ok(window, about);
  const part = cut(picture, window);
  assert.deepEqual(reader.readWindow(part, window), PAYLOAD, `${about}, in its window`);
}

/**
 * @param {Picture} picture
 * @param {{ x: number, y: number, width: number, height: number }} window
 */
function cut({ data, width }, window) {
  const part = new Uint8Array(window.width * window.height);
  for (let row = 0; row < window.height; row++) {
    const start = (window.y + row) * width + window.x;
    part.set(data.subarray(start, start + window.width), row * window.width);
  }
  return part;
}

test("three wrong bytes are mended and four refused", () => {
  const clean = encode(PAYLOAD);
  for (let first = 0; first < clean.length; first++) {
    const word = clean.slice();
    for (const [n, flip] of [0x01, 0xff, 0x5a, 0x80].entries()) {
      assert.deepEqual(decode(word), PAYLOAD);
      const at = (first + 5 * n) % word.length;
      word[at] = (word[at] ?? 0) ^ flip;
    }
    assert.equal(decode(word), null);
  }
});

test("random words are no readings", () => {
  const next = random(2);
  for (let n = 0; n < 20_000; n++) {
    assert.equal(decode(Uint8Array.from({ length: 20 }, () => next() * 256)), null);
  }
});

test("the ends of each range come back", () => {
  for (const timeUs of [0, 2 ** 52 - 1, 2 ** 48, 2 ** 48 - 1]) {
    for (const sequence of [0, 2 ** 24 - 1]) {
      const payload = { streamId: 255, sequence, timeUs };
      assert.deepEqual(decode(encode(payload)), payload);
    }
  }
});

test("a painted code is read at the first call at every size and corner", () => {
  for (const [width, height] of [[128, 64], [176, 144], [641, 481], [1280, 720], [1920, 1080]]) {
    for (const corner of CORNERS) {
      const picture = stamped(width ?? 0, height ?? 0, corner);
      assert.deepEqual(new Reader().read(picture.data, picture.width, picture.height), PAYLOAD, `${width} ${corner}`);
    }
  }
});

for (const [width, height] of SIZES) {
  const original = stamped(width, height, "top-right");

  test(`${width}x${height} scaled by 0.4 to 3`, () => {
    for (const [x, y] of SCALES) {
      if (width * x > 2000) continue;
      check(scaled(original, x, y, "triangle"), `triangle ${x} × ${y}`);
      check(scaled(original, x, y, "nearest"), `nearest ${x} × ${y}`);
    }
  });

  test(`${width}x${height} letterboxed, pillarboxed and cropped`, () => {
    const [sixthX, sixthY] = [Math.round(width / 6), Math.round(height / 6)];
    for (const [x, y] of /** @type {const} */ ([[0, sixthY], [sixthX, 0], [2 * sixthX, 2 * sixthY]])) {
      const boxedIn = boxed(original, x, y);
      check(boxedIn, `bars of ${x} and ${y}`);
      check(scaled(boxedIn, width / boxedIn.width, height / boxedIn.height, "triangle"), `bars, scaled back`);
    }
    check(cropped(original, Math.floor(width / 50), Math.floor(height / 50)), "cropped by 2 %");
  });

  test(`${width}x${height} with other levels`, () => {
    check(levels(original, (v) => ((v - 16) * 255) / 219), "limited range stretched to full");
    check(levels(original, (v) => (v * 219) / 255 + 16), "full range squeezed to limited");
    check(levels(original, (v) => v * 0.25 + 90), "a quarter of the contrast");
    check(levels(original, (v) => (v / 255) ** 1.4 * 255), "gamma 1.4");
  });
}

test("a code that moves is followed", () => {
  const reader = new Reader();
  for (const picture of [
    stamped(640, 480, "top-left"),
    stamped(640, 480, "bottom-right"),
    boxed(scaled(stamped(640, 480), 0.75, 0.75, "triangle"), 80, 60),
    stamped(640, 480, "top-left"),
  ]) {
    assert.deepEqual(readPatiently(reader, picture), PAYLOAD);
  }
});

test("a window without the code gives nothing, and the lock stays", () => {
  const reader = new Reader();
  const picture = stamped(640, 480);
  assert.equal(reader.window(640, 480), null, "nothing was read yet");
  assert.ok(reader.read(picture.data, 640, 480));
  const window = reader.window(640, 480);
  assert.ok(window);
  assert.equal(reader.window(320, 240), null, "another size");
  assert.equal(reader.readWindow(cut(scene(640, 480), window), window), null);
  assert.equal(reader.readWindow(new Uint8Array(9), window), null, "too short");
  assert.deepEqual(reader.readWindow(cut(picture, window), window), PAYLOAD);
});

test("a torn picture gives one of both codes or none", () => {
  const other = { ...PAYLOAD, sequence: PAYLOAD.sequence + 1, timeUs: PAYLOAD.timeUs + 33_333 };
  const [first, second] = [stamped(640, 480), scene(640, 480)];
  paint(second, "top-left", other);
  const top = layout(640, 480, "top-left")?.y ?? 0;
  for (let line = top; line < top + 64; line++) {
    const torn = first.data.slice();
    torn.set(second.data.subarray(line * 640), line * 640);
    const read = new Reader().read(torn, 640, 480);
    assert.ok(read === null || [PAYLOAD.timeUs, other.timeUs].includes(read.timeUs));
    if (read) assert.deepEqual(read, read.timeUs === PAYLOAD.timeUs ? PAYLOAD : other);
  }
});

test("stripes, checks and short planes are survived", () => {
  for (const [width, height] of /** @type {const} */ ([[1, 1], [1, 300], [300, 1], [24, 8], [641, 481]])) {
    for (const [across, down] of /** @type {const} */ ([[1, 1], [2, 2], [2, 4000], [4, 4], [16, 16]])) {
      const white = (/** @type {number} */ i) =>
        (Math.floor((i % width) / across) + Math.floor(Math.floor(i / width) / down)) % 2 === 0;
      const data = Uint8Array.from({ length: width * height }, (_, i) => (white(i) ? 235 : 16));
      const reader = new Reader();
      for (let call = 0; call < 4; call++) assert.equal(reader.read(data, width, height), null);
    }
  }
  for (const [width, height, stride] of /** @type {const} */ ([[640, 480, 640], [640, 0, 640], [640, 2, 600]])) {
    assert.equal(new Reader().read(new Uint8Array(100), width, height, stride), null);
  }
});

test("a frame whose time is in seconds is one whose time is not known", () => {
  assert.equal(mediaUsOf(13, 13.673), null);
  assert.equal(mediaUsOf(13_673_333, 13.673), 13_673_333);
  assert.equal(mediaUsOf(33_333, 0.05), 33_333);
});
