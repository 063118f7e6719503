import assert from "node:assert/strict";
import { test } from "node:test";

import { browser } from "../measure/browser.js";
import { PageClock } from "../measure/clock.js";
import { Outbox } from "../measure/outbox.js";
import { Presented } from "../measure/presented.js";
import { Stalls } from "../measure/stalls.js";

test("missed frames are counted, not those before the first callback", () => {
  const presented = new Presented();
  assert.deepEqual([5, 6, 9, 10].map((n) => presented.callback(n)), [0, 0, 2, 0]);
  assert.deepEqual([presented.callbacks, presented.missed], [4, 2]);
  assert.equal(presented.callback(1), 0, "another source counts anew");
  assert.equal(presented.callback(3), 1);
});

/**
 * A player in simulated time, polled every 50 ms, that stalls in the given spans of ms.
 * @param {[number, number][]} still
 * @param {(nowMs: number, stalls: Stalls) => void} [event]
 * @param {boolean} [halted]
 */
function watch(still, event, halted = false) {
  const stalls = new Stalls();
  const found = [];
  let time = 0;
  for (let now = 0; now < 5000; now += 50) {
    if (now === 500) stalls.started();
    event?.(now, stalls);
    const stands = still.some(([from, to]) => now >= from && now < to);
    if (!stands && now >= 500) time += 0.05;
    const stall = stalls.update({ nowMs: now, currentTimeS: time, halted: halted && stands });
    if (stall) found.push([stall.startMs, stall.lengthMs]);
  }
  return { stalls, found };
}

test("the join is no stall", () => {
  assert.deepEqual(watch([]).found, []);
});

test("a stall that the element tells of is as long as it was", () => {
  const waiting = (/** @type {number} */ now, /** @type {Stalls} */ stalls) => now === 1000 && stalls.waiting(1000);
  const { stalls, found } = watch([[1000, 1100], [3000, 3400]], waiting);
  assert.deepEqual(found, [[1000, 100], [2950, 450]], "the second was not told of: it began when time last moved");
  assert.deepEqual([stalls.count, stalls.totalMs, stalls.longestMs], [2, 550, 450]);
});

test("time that stands still for a moment without being told of is no stall", () => {
  assert.deepEqual(watch([[1000, 1200]]).found, []);
});

test("paused, ended and seeking are no stalls", () => {
  assert.deepEqual(watch([[1000, 3000]], undefined, true).found, []);
});

test("messages go out as JSON lines, in batches, answers before them", () => {
  /** @type {string[]} */
  const sent = [];
  /** @type {(() => void)[]} */
  const later = [];
  const socket = { bufferedAmount: 0, send: (/** @type {string} */ text) => void sent.push(text) };
  const outbox = new Outbox(socket, (run) => void later.push(run));
  outbox.add({ n: 1 });
  outbox.add({ n: 2 });
  outbox.sendNow({ answer: true });
  assert.deepEqual(sent, ['{"answer":true}\n']);
  assert.equal(later.length, 1, "one timer for a batch");
  later.shift()?.();
  assert.deepEqual(sent[1], '{"n":1}\n{"n":2}\n');
  outbox.flush();
  assert.equal(sent.length, 2, "nothing is sent where nothing waits");
  socket.bufferedAmount = 1 << 30;
  outbox.add({ n: 3 });
  assert.equal(outbox.dropped, 1);
});

test("the clock counts µs since the epoch, and a test may shift it", () => {
  const source = { timeOrigin: 1_763_722_800_000.25, now: () => 1500.125 };
  assert.equal(new PageClock(0, source).nowUs(), 1_763_722_801_500_375);
  assert.equal(new PageClock(3_000_000, source).atUs(0), 1_763_722_803_000_250);
  assert.deepEqual([new PageClock().maybeUs(undefined), new PageClock().maybeUs(null)], [null, null]);
});

test("browsers are known by their user agents", () => {
  const of = (/** @type {string} */ agent) => Object.values(browser(agent)).join(" ");
  const webkit = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)";
  assert.equal(of(`${webkit} HeadlessChrome/140.0.0.0 Safari/537.36`), "Chromium 140.0.0.0");
  assert.equal(of(`${webkit} Chrome/140.0.0.0 Safari/537.36 Edg/140.1`), "Edge 140.1");
  assert.equal(of("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"), "Firefox 140.0");
  assert.equal(of("Mozilla/5.0 (iPhone) AppleWebKit/605 Version/18.1 Mobile/15E148 Safari/604.1"), "Safari 18.1");
  assert.equal(of("curl"), "unknown ");
});
