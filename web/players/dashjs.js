/** Plays with dash.js, configured by a preset. */

import { MediaPlayer } from "dashjs";

import { doubt } from "./doubt.js";
import { Failure, explainNoAnswer, get, hasEnded, readBody, statusFailure } from "./failure.js";
import { PlayerEvents } from "./player.js";

/** @import { FragmentLoadingCompletedEvent, MediaPlayerClass, MediaPlayerErrorEvent } from "dashjs" */
/** @import { FailureKind } from "./failure.js" */
/** @import { MediaMarks, Start } from "./player.js" */

/** @typedef {{ mediaS: number, dateMs: number }} Reference */

/**
 * dash.js error codes not related to loading.
 * @type {Record<number, FailureKind>}
 */
const KINDS = {
  20: "decode", // APPEND
  21: "decode", // REMOVE
  23: "codec", // CAPABILITY_MEDIASOURCE
  31: "format", // MANIFEST_ERROR_ID_PARSE
  32: "codec", // MANIFEST_ERROR_ID_NOSTREAMS: none that can be played is left
  34: "format", // MANIFEST_ERROR_ID_MULTIPLEXED
  35: "codec", // MEDIASOURCE_TYPE_UNSUPPORTED
};

/** MANIFEST_LOADER_PARSING_FAILURE_ERROR_CODE */
const PARSING_FAILURE = 10;
/** TIME_SYNC_FAILED_ERROR_CODE */
const TIME_SYNC_FAILED = 16;

/** Largest manifest read here, in bytes. */
const MAX_MANIFEST = 1 << 20;

/** @param {Uint8Array} first */
function expectManifest(first) {
  // In any encoding, XML begins with a tag.
  if (!new TextDecoder().decode(first).includes("<")) throw new Failure("format", "not a manifest: it is not XML");
}

/** @type {Start} */
export function start(video, url, options) {
  const events = new PlayerEvents();
  const player = MediaPlayer().create();
  player.initialize();
  player.updateSettings({ streaming: { parseInbandPrft: true } });
  player.updateSettings(options.dashjs ?? {});
  // Measurements contact no public time server, only one named in the manifest.
  player.clearDefaultUTCTimingSources();
  player.on(MediaPlayer.events.ERROR, (event) => {
    // Without a time server, it uses the host's clock.
    if (/** @type {MediaPlayerErrorEvent} */ (event).error.code === TIME_SYNC_FAILED) return;
    explain(/** @type {MediaPlayerErrorEvent} */ (event), url).then((failure) => events.emit("error", failure));
  });
  player.on(MediaPlayer.events.FRAGMENT_LOADING_COMPLETED, (event) => {
    const media = marks(/** @type {FragmentLoadingCompletedEvent} */ (event));
    if (media) events.emit("media", media);
  });
  const dates = followDates(player);
  const settled = doubt(url, expectManifest, events);
  let isFirst = true;
  player.on(MediaPlayer.events.MANIFEST_LOADED, (/** @type {any} */ { data }) => {
    settled();
    // A stream that ends later is played to its end.
    if (isFirst && data?.type === "static") events.emit("error", hasEnded());
    isFirst = false;
  });
  player.attachView(video);
  player.attachSource(url);
  player.setMute(true);
  return {
    events,
    claims() {
      const seconds = player.isReady() ? player.getCurrentLiveLatency() : NaN;
      return seconds > 0 ? { dash_live_latency_ms: seconds * 1000 } : {};
    },
    stop() {
      settled();
      player.destroy();
    },
    dateAt: dates,
  };
}

/**
 * Maps media times to wall times: by `prft` boxes if present, else by the manifest's availabilityStartTime.
 * @param {MediaPlayerClass} player
 */
function followDates(player) {
  /** @type {Reference | null} */
  let produced = null;
  /** @type {Reference | null} */
  let available = null;
  let latestS = Infinity;
  // dash.js's type declarations use another name for the event.
  const { INBAND_PRFT } = /** @type {any} */ (MediaPlayer.events);
  player.on(INBAND_PRFT, (/** @type {any} */ { data, mediaType }) => {
    const { mediaTime, ntpTimestamp } = data?.at(-1) ?? {};
    if (mediaType !== "video" || !Number.isFinite(mediaTime + ntpTimestamp)) return;
    // ffmpeg's muxer writes 0 for each fragment.
    if (mediaTime > latestS) produced = { mediaS: mediaTime, dateMs: ntpTimestamp };
    latestS = mediaTime;
  });
  player.on(MediaPlayer.events.MANIFEST_LOADED, (/** @type {any} */ { data }) => {
    const startMs = new Date(data?.availabilityStartTime ?? NaN).getTime();
    if (Number.isFinite(startMs) && data.type === "dynamic") available = { mediaS: 0, dateMs: startMs };
  });
  return (/** @type {number} */ mediaTimeS) => {
    const reference = produced ?? available;
    return reference && reference.dateMs + (mediaTimeS - reference.mediaS) * 1000;
  };
}

/**
 * @param {FragmentLoadingCompletedEvent} event
 * @returns {MediaMarks | null}
 */
function marks({ request }) {
  if (request.type !== "MediaSegment" || request.mediaType !== "video") return null;
  const onPage = (/** @type {Date | null} */ date) => (date ? date.getTime() - performance.timeOrigin : null);
  return {
    requested: onPage(request.startDate),
    firstByte: onPage(request.firstByteDate),
    received: onPage(request.requestEndDate),
    // dash.js appends chunks as they arrive but reports only whole segments.
    appended: null,
    fromS: request.startTime,
    toS: request.startTime + request.duration,
  };
}

/**
 * Whether the manifest says that the stream is over: dash.js may request the next segment before it sees that.
 * @param {string} url
 */
async function isOver(url) {
  try {
    const response = await get(url, { signal: AbortSignal.timeout(5000) });
    const { bytes } = await readBody(response, MAX_MANIFEST);
    const manifest = new DOMParser().parseFromString(new TextDecoder().decode(bytes), "application/xml");
    return manifest.documentElement.getAttribute("type") === "static";
  } catch {
    return false;
  }
}

/**
 * @param {MediaPlayerErrorEvent} event
 * @param {string} url
 * @returns {Promise<Failure>}
 */
async function explain({ error }, url) {
  const { code, message } = error;
  const { request, response } = /** @type {any} */ (error).data ?? {};
  const status = response?.status ?? request?.response?.status ?? 0;
  const isMedia = request?.type === "MediaSegment";
  if (status >= 400 && isMedia && (await isOver(url))) return hasEnded();
  if (status >= 400) return statusFailure(request?.url ?? url, status);
  if (code === PARSING_FAILURE) return new Failure("format", `not a manifest: ${message}`);
  const kind = KINDS[code];
  if (kind) return new Failure(kind, message);
  const failure = await explainNoAnswer(request?.url ?? url, location.href);
  if (failure.kind !== "network") return failure;
  return new Failure("network", `${failure.message} (dash.js: ${message}, ${code})`);
}
