/** Plays with the browser's built-in player: a file, or HLS if supported. */

import { explainNoAnswer, mediaFailure, statusFailure } from "./failure.js";
import { PlayerEvents } from "./player.js";

/** @import { Start } from "./player.js" */

/** @type {Start} */
export function start(video, url) {
  const events = new PlayerEvents();
  const stopped = new AbortController();
  video.addEventListener("error", () => explain(url, video.error).then((failure) => events.emit("error", failure)), {
    signal: stopped.signal,
  });
  // Drawing the picture on a canvas requires that the server lets the page read it.
  video.crossOrigin = "anonymous";
  video.src = url;
  video.play().catch(() => undefined);
  return {
    events,
    claims: () => ({}),
    stop() {
      stopped.abort();
      video.removeAttribute("src");
      video.load();
    },
    dateAt(mediaTimeS) {
      // Safari only: the wall time of media time 0.
      const began = /** @type {{ getStartDate?: () => Date }} */ (/** @type {unknown} */ (video)).getStartDate?.();
      const startMs = began?.getTime() ?? NaN;
      return Number.isNaN(startMs) ? null : startMs + mediaTimeS * 1000;
    },
  };
}

/**
 * A media element does not report why loading failed; a separate request does.
 * @param {string} url
 * @param {MediaError | null} error
 */
async function explain(url, error) {
  try {
    const response = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(5000) });
    await response.body?.cancel();
    return response.ok ? mediaFailure(error) : statusFailure(url, response.status);
  } catch {
    return explainNoAnswer(url, location.href);
  }
}
