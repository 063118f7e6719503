/** Plays with hls.js, configured by a preset, and with framelag's rate control if a cushion is requested. */

import Hls from "hls.js";

import { doubt } from "./doubt.js";
import { Failure, explainNoAnswer, hasEnded, statusFailure } from "./failure.js";
import { PlayerEvents } from "./player.js";
import { expectPlaylist } from "./playlist-tags.js";
import { Steering } from "./steering.js";

/** @import { ErrorData, FragBufferedData } from "hls.js" */
/** @import { MediaMarks, PlayerOptions, Start } from "./player.js" */

const CHECK_EVERY_MS = 500;
/** Refusals of the first segment after which nothing can be expected: hls.js itself goes on for half a minute. */
const MAX_REFUSED = 3;

/** @type {Start} */
export function start(video, url, options) {
  if (!Hls.isSupported()) throw new Failure("codec", "this browser has no Media Source Extensions that hls.js can use");
  const events = new PlayerEvents();
  // hls.js modifies its configuration object.
  const hls = new Hls(structuredClone(options.hlsjs ?? {}));
  let [refused, begun] = [0, false];
  hls.on(Hls.Events.FRAG_LOADED, () => (begun = true));
  hls.on(Hls.Events.ERROR, (_, data) => {
    if (data.details === Hls.ErrorDetails.FRAG_LOAD_ERROR && (data.response?.code ?? 0) >= 400) refused++;
    const isHopeless = data.fatal || (!begun && refused >= MAX_REFUSED);
    if (isHopeless) explain(data, url).then((failure) => events.emit("error", failure));
  });
  hls.on(Hls.Events.FRAG_BUFFERED, (_, data) => events.emit("media", marks(data)));
  const settled = doubt(url, expectPlaylist, events);
  hls.on(Hls.Events.MANIFEST_PARSED, () => {
    settled();
    video.play().catch(() => undefined);
  });
  // A stream that ends later is played to its end.
  hls.once(Hls.Events.LEVEL_LOADED, (_, { details }) => {
    if (!details.live) events.emit("error", hasEnded());
  });
  steer(hls, video, events, options);
  const timer = setInterval(() => seekWhenBehind(hls, video, events, options), CHECK_EVERY_MS);
  hls.loadSource(url);
  hls.attachMedia(video);
  return {
    events,
    claims: () => (hls.latency > 0 ? { hls_latency_ms: hls.latency * 1000 } : {}),
    stop() {
      clearInterval(timer);
      settled();
      hls.destroy();
    },
    dateAt: (mediaTimeS) => dateAt(hls, mediaTimeS),
  };
}

/**
 * @param {Hls} hls
 * @param {HTMLVideoElement} video
 * @param {PlayerEvents} events
 * @param {PlayerOptions} options
 */
function steer(hls, video, events, { cushionMs }) {
  if (cushionMs === undefined) return;
  /** @type {Steering | null} */
  let steering = null;
  hls.on(Hls.Events.LEVEL_LOADED, (_, { details }) => {
    const pieceS = (hls.config.lowLatencyMode && details.partTarget) || details.targetduration;
    steering ??= new Steering(video, events, cushionMs, pieceS);
  });
  hls.on(Hls.Events.BUFFER_APPENDED, () => steering?.appended(false));
}

/**
 * @param {Hls} hls
 * @param {HTMLVideoElement} video
 * @param {PlayerEvents} events
 * @param {PlayerOptions} options
 */
function seekWhenBehind(hls, video, events, { seekWhenBehindMs }) {
  const edgeS = hls.liveSyncPosition;
  if (seekWhenBehindMs === undefined || edgeS === null || video.seeking) return;
  if (edgeS - video.currentTime <= seekWhenBehindMs / 1000) return;
  events.emit("seek", { why: "live-edge" });
  video.currentTime = edgeS;
}

/**
 * @param {FragBufferedData} data
 * @returns {MediaMarks}
 */
function marks({ stats, frag, part }) {
  const known = (/** @type {number} */ ms) => (ms > 0 ? ms : null);
  const fromS = frag.start + (part?.fragOffset ?? 0);
  return {
    requested: known(stats.loading.start),
    firstByte: known(stats.loading.first),
    received: known(stats.loading.end),
    appended: known(stats.buffering.end),
    fromS,
    toS: fromS + (part?.duration ?? frag.duration),
  };
}

/**
 * @param {Hls} hls
 * @param {number} mediaTimeS
 */
function dateAt(hls, mediaTimeS) {
  const details = hls.latestLevelDetails;
  const within = (/** @type {{ start: number, end: number }} */ f) => f.start <= mediaTimeS && mediaTimeS < f.end;
  // A segment that so far has only parts is not among the fragments.
  const frag = details?.fragments.find(within) ?? details?.fragmentHint ?? details?.fragments.at(-1);
  if (!frag?.programDateTime) return null;
  return frag.programDateTime + (mediaTimeS - frag.start) * 1000;
}

/**
 * @param {ErrorData} data
 * @param {string} url
 * @returns {Promise<Failure>}
 */
async function explain(data, url) {
  const { details, type } = data;
  const status = data.response?.code ?? 0;
  if (/codec/i.test(details) || /AddCodec/.test(details)) {
    return new Failure("codec", `this browser does not play ${data.mimeType ?? "these codecs"}: ${data.error.message}`);
  }
  if (status >= 400) return statusFailure(data.response?.url || url, status);
  // A stream that has just begun: there may be segments soon.
  if (details === Hls.ErrorDetails.LEVEL_EMPTY_ERROR) return new Failure("network", "the playlist has no segments yet");
  if (type === Hls.ErrorTypes.NETWORK_ERROR) {
    if (/Parsing|noEXTM3U/i.test(details)) return new Failure("format", data.error.message);
    return explainNoAnswer(data.url ?? data.response?.url ?? url, location.href);
  }
  return new Failure(type === Hls.ErrorTypes.MEDIA_ERROR ? "decode" : "format", data.error.message);
}
