import assert from "node:assert/strict";
import { test } from "node:test";

import { browser } from "../measure/browser.js";
import { PageClock, timerStepUs } from "../measure/clock.js";
import { Outbox } from "../measure/outbox.js";
import { Presented } from "../measure/presented.js";
import { Stalls } from "../measure/stalls.js";

test("missed frames are counted, not those before the first callback", () => {
  const presented = new Presented();
  assert.deepEqual([5, 6, 9, 10].map((n) => presented.callback(n, n / 30)), [0, 0, 2, 0]);
  assert.equal(presented.callbacks, 4);
  assert.equal(presented.callback(1, 11 / 30), 0, "another source counts anew");
  assert.equal(presented.callback(3, 13 / 30), 1);
});

test("frames that Firefox counts again at a seek are not missed", () => {
  const presented = new Presented();
  const missed = [[72, 2.1342], [74, 2.2011]].map(([count, mediaS]) => presented.callback(count ?? 0, mediaS ?? 0));
  assert.deepEqual(missed, [0, 1]);
  presented.seeking();
  assert.equal(presented.callback(86, 2.499989), 0, "the first frame after the seek");
  assert.equal(presented.callback(161, 2.499992), 0, "which is shown twice");
  assert.equal(presented.callback(163, 2.566633), 1);
});

/**
 * A player of 30 frames a second in simulated time, polled every 50 ms, that stalls in the given spans of ms, with a
 * frame at the end of each.
 * @param {[number, number][]} still
 * @param {{ waiting?: number[], halted?: boolean, untilMs?: number }} [how] `waiting`: when the element fires it.
 */
function watch(still, { waiting = [], halted = false, untilMs = 5000 } = {}) {
  const stalls = new Stalls();
  /** @type {number[][]} */
  const found = [];
  const note = (/** @type {import("../measure/stalls.js").Stall | null} */ stall) =>
    stall && found.push([stall.startMs, Math.round(stall.lengthMs)]);
  const frameMs = 1000 / 30;
  let [timeMs, shownMs] = [0, 500 - frameMs];
  const moment = (/** @type {number} */ nowMs, stands = false) => {
    return { nowMs, currentTimeS: timeMs / 1000, halted: halted && stands };
  };
  for (let now = 0; now < untilMs; now++) {
    if (waiting.includes(now)) stalls.waiting(now);
    const stands = still.some(([from, to]) => now >= from && now < to);
    if (!stands && now >= 500) {
      timeMs++;
      if (now >= shownMs + frameMs - 1e-6) {
        note(stalls.presented(now, timeMs / 1000, 0));
        shownMs = now;
      }
    }
    if (now % 50 === 0) note(stalls.update(moment(now, stands)));
  }
  note(stalls.finish(moment(untilMs)));
  return { found };
}

test("the join is no stall", () => {
  assert.deepEqual(watch([], { waiting: [100] }).found, []);
});

test("a stall lasts from when the element waits to the next frame, between two polls too", () => {
  const { found } = watch([[1010, 1081], [3003, 3403]], { waiting: [1012] });
  const [[, first = 0] = [], [since = 0, second = 0] = []] = found;
  assert.equal(found.length, 2);
  assert.ok(Math.abs(first - 69) <= 34, `${first} ms, to a frame`);
  assert.equal(since, 3050, "the second was not told of: it began when time was last seen to move");
  assert.ok(Math.abs(second - 353) <= 34, `${second} ms`);
});

test("a wait after which the next frame is on time is no stall, and one that is seen is", () => {
  assert.deepEqual(watch([], { waiting: [1012] }).found, []);
  assert.deepEqual(watch([[1010, 1020]], { waiting: [1010] }).found, []);
  assert.equal(watch([[1010, 1060]], { waiting: [1010] }).found.length, 1);
});

test("a stall that has not ended with the join is counted", () => {
  assert.deepEqual(watch([[1010, 9000]], { waiting: [1010] }).found, [[1010, 3990]]);
  assert.deepEqual(watch([[1001, 9000]]).found, [[1000, 4000]], "nor does the element need to tell of it");
  assert.deepEqual(watch([[4990, 9000]], { waiting: [4990] }).found, [], "the next frame was not due yet");
});

test("frames without a callback are no part of a stall", () => {
  const stalls = new Stalls();
  for (let frame = 0; frame <= 10; frame++) stalls.presented(frame * 40, frame * 0.04, 0);
  stalls.waiting(420);
  const stall = stalls.presented(900, 0.64, 5);
  assert.deepEqual(stall && [stall.startMs, Math.round(stall.lengthMs)], [420, 280]);
  stalls.waiting(920);
  assert.equal(stalls.presented(1100, 0.84, 4), null);
});

test("where no frame is reported a stall ends when time moves again", () => {
  const stalls = new Stalls();
  stalls.presented(0, 0, 0);
  const found = [];
  for (let now = 0; now < 1500; now += 50) {
    if (now === 100) stalls.waiting(90);
    found.push(stalls.update({ nowMs: now, currentTimeS: now <= 100 || now >= 600 ? now / 1000 : 0.1, halted: false }));
  }
  assert.deepEqual(found.filter(Boolean).map((stall) => [stall?.startMs, stall?.lengthMs]), [[90, 510]]);
});

test("time that stands still for a moment without being told of is no stall", () => {
  assert.deepEqual(watch([[1000, 1200]]).found, []);
});

test("paused and seeking are no stalls", () => {
  assert.deepEqual(watch([[1000, 3000]], { halted: true }).found, []);
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

test("a frame that is painted while the element waits does not end the stall", () => {
  // As recorded in Chromium: the frame comes early, because playback stands, and the one after it late.
  for (const [steps, earlyMs] of [[2, 39], [1, 4]]) {
    const stalls = new Stalls();
    const frameMs = 1000 / 30;
    for (let frame = 0; frame < 10; frame++) stalls.presented(frame * frameMs, frame / 30, 0);
    const [shownMs, mediaS] = [9 * frameMs, (9 + (steps ?? 1)) / 30];
    stalls.waiting(shownMs + 2);
    assert.equal(stalls.presented(shownMs + (earlyMs ?? 0), mediaS, 0), null, "playback still stands");
    const stall = stalls.presented(shownMs + (earlyMs ?? 0) + 95, mediaS + 1 / 30, 0);
    assert.equal(Math.round(stall?.lengthMs ?? 0), 95, "from the picture that stood still");
  }
});

test("frames painted on time while the element waits, as Chromium does, do not hide that playback stood", () => {
  const stalls = new Stalls();
  const found = [];
  for (let n = 0; n < 9; n++) found.push(stalls.presented(6755.1 - (9 - n) * 33.3, 6.399 - (9 - n) / 30, 0));
  // As recorded: `null` is a `waiting` event.
  /** @type {[number, number | null][]} */
  const told = [
    [6755.1, 6.399], [6755.9, null], [6785.6, 6.433], [6789.5, null], [6818.6, 6.466], [6921.7, 6.5], [6955.1, 6.533],
    [6988.5, 6.566], [7021.7, 6.599],
  ];
  for (const [ms, mediaS] of told) {
    if (mediaS === null) stalls.waiting(ms);
    else found.push(stalls.presented(ms, mediaS, 0));
  }
  const seen = found.filter((stall) => stall !== null).map((stall) => [stall.startMs, Math.round(stall.lengthMs)]);
  assert.deepEqual(seen, [[6818.6, 103]]);
});

test("a frame that is on time after one that was shown too early is no stall", () => {
  // As recorded in Chromium on a machine that stood for a moment: a frame without a callback, and the next one early.
  const ends = (/** @type {number} */ lastMs) => {
    const stalls = new Stalls();
    for (let n = 0; n < 9; n++) stalls.presented(536.6 - (8 - n) * 33.3, (8145 - 8 + n) / 30, 0);
    const early = stalls.presented(580, 8147 / 30, 1);
    stalls.waiting(592);
    return [early, stalls.presented(lastMs, 8148 / 30, 0), stalls.presented(lastMs + 33.4, 8149 / 30, 0)];
  };
  assert.deepEqual(ends(635.4), [null, null, null]);
  const stall = ends(668.8)[1];
  assert.deepEqual([Math.round(stall?.startMs ?? 0), Math.round(stall?.lengthMs ?? 0)], [592, 77], "33 ms later");
});

test("a stall after a jump ahead is not taken for an early frame", () => {
  const stalls = new Stalls();
  for (let n = 0; n < 12; n++) stalls.presented(n * 40, n * 0.04, 0);
  assert.equal(stalls.presented(480, 1, 0), null);
  stalls.waiting(500);
  assert.equal(Math.round(stalls.presented(560, 1.04, 0)?.lengthMs ?? 0), 60);
});

test("a frame that is late long after the element has waited is no stall", () => {
  const stalls = new Stalls();
  for (let n = 0; n < 9; n++) stalls.presented(n * 40, n * 0.04, 0);
  stalls.waiting(330);
  const later = [360, 400, 440, 600].map((ms, n) => stalls.presented(ms, (9 + n) * 0.04, 0));
  assert.deepEqual(later, [null, null, null, null]);
});

test("waiting that is heard of after the frame before came late belongs to that frame and the next", () => {
  const stalls = new Stalls();
  for (let n = 0; n < 9; n++) stalls.presented(n * 40, n * 0.04, 0);
  stalls.waiting(470);
  const first = stalls.presented(460, 0.36, 0);
  assert.deepEqual([first?.startMs, first?.lengthMs], [360, 100]);
  const second = stalls.presented(600, 0.4, 0);
  assert.deepEqual([second?.startMs, second?.lengthMs], [470, 130]);
});

test("a stall that is heard of after its frames is as long as they were late", () => {
  const stalls = new Stalls();
  for (const frame of [0, 1, 2, 3]) stalls.presented((frame * 1000) / 30, frame / 30, 0);
  stalls.waiting(240);
  const stall = stalls.presented(260, 7 / 30, 3);
  assert.equal(Math.round(stall?.lengthMs ?? 0), 27);
  assert.equal(Math.round((stall?.startMs ?? 0) + (stall?.lengthMs ?? 0)), 160);
});

test("the steps of a timer are found", () => {
  for (const stepUs of [5, 20, 100, 1000]) {
    let readings = 0;
    // Each reading takes 0.3 µs.
    const now = () => (1e6 + Math.floor((readings++ * 0.3) / stepUs) * stepUs) / 1000;
    assert.equal(timerStepUs(now), stepUs);
  }
});
