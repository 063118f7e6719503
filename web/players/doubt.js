/** Names what a URL has instead of a playlist or manifest, for libraries that would wait for the end of a stream. */

import { Failure, get } from "./failure.js";

/** @import { PlayerEvents } from "./player.js" */

/** Time in which a playlist or manifest has usually been read. */
const PATIENCE_MS = 1000;
/** Bytes that tell what a response is. */
const ENOUGH = 64;

/**
 * Reads the first bytes of `url`, and emits a failure if they are of something else.
 * @param {string} url
 * @param {(first: Uint8Array) => void} check Throws a {@link Failure}.
 * @param {PlayerEvents} events
 * @param {number} [patienceMs]
 * @returns {() => void} To be called once the library has read it, or is stopped.
 */
export function doubt(url, check, events, patienceMs = PATIENCE_MS) {
  const settled = new AbortController();
  const { signal } = settled;
  const timer = setTimeout(async () => {
    try {
      check(await firstBytes(await get(url, { signal })));
    } catch (error) {
      // The library reports every other failure.
      if (error instanceof Failure && error.kind === "format" && !signal.aborted) events.emit("error", error);
    }
  }, patienceMs);
  return () => {
    clearTimeout(timer);
    settled.abort();
  };
}

/** @param {Response} response */
async function firstBytes(response) {
  const reader = response.body?.getReader();
  /** @type {number[]} */
  const bytes = [];
  while (reader && bytes.length < ENOUGH) {
    const { value, done } = await reader.read();
    if (done) break;
    bytes.push(...value.subarray(0, ENOUGH));
  }
  reader?.cancel().catch(() => undefined);
  return Uint8Array.from(bytes);
}
