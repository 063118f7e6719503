/** Presets by name: how each player is configured. */

import { CUSHION_MS } from "./steering.js";

/** @import { PlayerOptions } from "./player.js" */

/** Common to all low-latency hls.js configurations: its own latency control would only add to the buffer. */
const HLSJS_LOW_LATENCY = { lowLatencyMode: true, liveSyncOnStallIncrease: 0, backBufferLength: 10 };

/** With 0.1 s, Chromium stalls now and then: dash.js changes the rate all the time. */
const DASH_LIVE_DELAY_S = 0.11;

/**
 * Configures dash.js close enough to the edge for one-frame fragments.
 * @param {number} [liveDelay] In seconds.
 */
const dashLowLatency = (liveDelay = DASH_LIVE_DELAY_S) => ({
  streaming: {
    delay: { liveDelay },
    buffer: { lowLatencyStallThreshold: 0.03, bufferTimeAtTopQuality: 2, bufferTimeDefault: 2 },
    liveCatchup: { enabled: true, maxDrift: 1, playbackRate: { min: -0.1, max: 0.1 } },
  },
});

/** @type {Record<string, PlayerOptions>} */
export const PRESETS = {
  ultra: {
    cushionMs: 100,
    hlsjs: HLSJS_LOW_LATENCY,
    dashjs: dashLowLatency(),
  },
  "real-time": {
    seekWhenBehindMs: 1000,
    hlsjs: {
      lowLatencyMode: true,
      startPosition: -1,
      maxBufferLength: 2,
      maxBufferSize: 3_000_000,
      backBufferLength: 0.5,
      liveSyncDurationCount: 1,
      liveMaxLatencyDurationCount: 2,
      maxLiveSyncPlaybackRate: 1.5,
      manifestLoadingTimeOut: 1000,
      levelLoadingTimeOut: 1000,
      fragLoadingTimeOut: 1000,
      manifestLoadingRetryDelay: 500,
      levelLoadingRetryDelay: 500,
      fragLoadingRetryDelay: 500,
    },
    dashjs: dashLowLatency(0.3),
  },
  safe: {
    hlsjs: { lowLatencyMode: false },
    dashjs: { streaming: { delay: { liveDelay: 4 } } },
  },
  frame: {
    cushionMs: CUSHION_MS,
    hlsjs: HLSJS_LOW_LATENCY,
    dashjs: dashLowLatency(),
  },
};

/**
 * Returns the options of a preset overridden by `own`: plain objects are merged, everything else is replaced.
 * @param {string | null} name `null` for the player's own defaults.
 * @param {PlayerOptions} [own]
 * @returns {PlayerOptions}
 */
export function playerOptions(name, own = {}) {
  if (name === null) return own;
  const preset = PRESETS[name];
  if (!preset) throw new Error(`${name} is no preset: there are ${Object.keys(PRESETS).join(", ")}`);
  return /** @type {PlayerOptions} */ (joined(preset, own));
}

/**
 * @param {object} base
 * @param {object} over
 * @returns {object}
 */
function joined(base, over) {
  const plain = (/** @type {unknown} */ v) => typeof v === "object" && v !== null && !Array.isArray(v);
  const entries = Object.entries(over).map(([key, value]) => {
    const below = /** @type {Record<string, unknown>} */ (base)[key];
    return [key, plain(below) && plain(value) ? joined(/** @type {object} */ (below), value) : value];
  });
  return { ...base, ...Object.fromEntries(entries) };
}
