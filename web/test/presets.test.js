import assert from "node:assert/strict";
import { test } from "node:test";

import { PRESETS, playerOptions } from "../players/presets.js";

test("presets that the receiver refuses for our player have no settings for it", () => {
  const ours = Object.entries(PRESETS).filter(([, { cushionMs }]) => cushionMs !== undefined);
  assert.deepEqual(ours.map(([name]) => name), ["ultra", "frame"]);
});

test("real-time has the settings of its name", () => {
  const { seekWhenBehindMs, hlsjs } = playerOptions("real-time");
  const stated = {
    lowLatencyMode: true,
    startPosition: -1,
    maxBufferLength: 2,
    maxBufferSize: 3_000_000,
    backBufferLength: 0.5,
    liveSyncDurationCount: 1,
    liveMaxLatencyDurationCount: 2,
    maxLiveSyncPlaybackRate: 1.5,
  };
  const delays = ["manifestLoading", "levelLoading", "fragLoading"].flatMap((what) => [
    [`${what}TimeOut`, 1000],
    [`${what}RetryDelay`, 500],
  ]);
  assert.deepEqual(hlsjs, { ...stated, ...Object.fromEntries(delays) });
  assert.equal(seekWhenBehindMs, 1000);
});

test("presets are joined with options of one's own", () => {
  assert.deepEqual(Object.keys(PRESETS), ["ultra", "real-time", "safe", "frame"]);
  const options = playerOptions("real-time", { cushionMs: 80, hlsjs: { maxBufferLength: 5 } });
  assert.equal(options.cushionMs, 80);
  assert.equal(options.seekWhenBehindMs, 1000);
  assert.deepEqual([options.hlsjs?.["maxBufferLength"], options.hlsjs?.["liveSyncDurationCount"]], [5, 1]);
  assert.deepEqual(playerOptions(null, { cushionMs: 1 }), { cushionMs: 1 });
  assert.throws(() => playerOptions("fast"), /ultra, real-time, safe, frame/);
});
