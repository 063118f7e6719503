/** What the browser plays by itself: a file, or HLS where it knows that. */

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
  // The picture may be drawn on a canvas only where the server lets the page read it.
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
      // Safari's: the wall time of media time 0.
      const began = /** @type {{ getStartDate?: () => Date }} */ (/** @type {unknown} */ (video)).getStartDate?.();
      const startMs = began?.getTime() ?? NaN;
      return Number.isNaN(startMs) ? null : startMs + mediaTimeS * 1000;
    },
  };
}

/**
 * A media element does not say why it got nothing: a request of our own does.
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
