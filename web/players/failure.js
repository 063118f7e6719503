/** Reasons why playback fails, classified for reports. */

/**
 * - `cors`: the server does not allow this page to read its response
 * - `mixed-content`: an https page may not load from http
 * - `codec`: this browser cannot decode it, or has no Media Source Extensions
 * - `http-status`: the server refused; see `status`
 * - `network`: no response
 * - `ended`: the stream is over
 * - `format`: an invalid playlist, manifest or fragment
 * - `decode`: the decoder failed
 * - `page`: a fault of the player itself
 * @typedef {"cors" | "mixed-content" | "codec" | "http-status" | "network" | "ended" | "format" | "decode" | "page"}
 *   FailureKind
 */

export class Failure extends Error {
  /**
   * @param {FailureKind} kind
   * @param {string} message
   * @param {number | null} [status] Of HTTP.
   */
  constructor(kind, message, status = null) {
    super(message);
    this.name = "Failure";
    this.kind = kind;
    this.status = status;
  }
}

/** The failure of a stream that says itself that it is over. */
export const hasEnded = () => new Failure("ended", "the stream has ended");

/**
 * Anything but a {@link Failure} is a fault of ours, which waiting does not mend.
 * @param {unknown} error
 */
export function failureOf(error) {
  return error instanceof Failure ? error : new Failure("page", String(error));
}

/**
 * Whether this URL is mixed content for the page (http within https). Loopback counts as secure.
 * @param {string} page
 * @param {string} url
 */
export function isMixedContent(page, url) {
  const { protocol, hostname } = new URL(url, page);
  const loopback = hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
  return new URL(page).protocol === "https:" && protocol === "http:" && !loopback;
}

/**
 * Finds out why a `fetch` failed. Scripts are not told the reason, so an opaque request checks whether there is a
 * server at all.
 * @param {string} url
 * @param {string} page
 * @param {typeof globalThis.fetch} [request]
 * @returns {Promise<Failure>}
 */
export async function explainNoAnswer(url, page, request = globalThis.fetch) {
  // The query may hold a token.
  const { origin, pathname } = new URL(url, page);
  const shown = `${origin}${pathname}`;
  if (isMixedContent(page, url)) {
    return new Failure("mixed-content", `${origin} is http, but this page is https: serve both the same way`);
  }
  if (origin !== new URL(page).origin) {
    try {
      await request(url, { mode: "no-cors", cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (await isReadable(url, request)) return new Failure("network", `${shown} did not respond, but does now`);
      // A browser does not tell a refusal from an error that carries no such header, or from another protocol.
      const missing = `sends no Access-Control-Allow-Origin for ${new URL(page).origin}`;
      const doubt = `does ${origin} speak HTTP and have this path?`;
      return new Failure("cors", `${shown} ${missing}: ${doubt}`);
    } catch {
      // The opaque request also failed.
    }
  }
  return new Failure("network", `${origin} does not respond`);
}

/**
 * @param {string} url
 * @param {typeof globalThis.fetch} request
 */
async function isReadable(url, request) {
  try {
    await request(url, { mode: "cors", cache: "no-store", signal: AbortSignal.timeout(5000) });
    return true;
  } catch {
    return false;
  }
}

/**
 * Like `fetch`, but throws a {@link Failure} for everything but a 2xx response. Abort errors pass through.
 * @param {string} url
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 */
export async function get(url, init) {
  let response;
  try {
    response = await fetch(url, { cache: "no-store", ...init });
  } catch (error) {
    if (init?.signal?.aborted) throw error;
    throw await explainNoAnswer(url, location.href);
  }
  if (!response.ok) throw statusFailure(url, response.status);
  return response;
}

/**
 * Reads a body; a connection that breaks is of the network.
 * @template T
 * @param {Promise<T>} body
 * @returns {Promise<T>}
 */
export async function read(body) {
  try {
    return await body;
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") throw error;
    throw new Failure("network", `the response broke off: ${error}`);
  }
}

/**
 * Reads a body, and notes when its first bytes arrived.
 * @param {Response} response
 * @param {number} most Largest body, in bytes.
 * @param {(first: Uint8Array) => void} [check] Called with the first bytes: throws if they are of something else,
 *   which may never end.
 * @returns {Promise<{ bytes: Uint8Array, firstByte: number | null }>} `firstByte` in ms of `performance.now()`.
 */
export async function readBody(response, most, check = () => undefined) {
  const reader = response.body?.getReader();
  /** @type {Uint8Array[]} */
  const chunks = [];
  let [firstByte, length] = [/** @type {number | null} */ (null), 0];
  for (;;) {
    const { value, done } = (reader && (await read(reader.read()))) ?? { done: true };
    if (done || !value) break;
    firstByte ??= performance.now();
    chunks.push(value);
    length += value.length;
    try {
      if (chunks.length === 1) check(value);
      if (length > most) throw new Failure("format", `a response of more than ${most} bytes`);
    } catch (error) {
      reader?.cancel().catch(() => undefined);
      throw error;
    }
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return { bytes, firstByte };
}

/**
 * @param {string} url
 * @param {number} status
 */
export function statusFailure(url, status) {
  const { pathname, search } = new URL(url, "http://localhost");
  const why = search ? "no valid token or user" : "it needs a user, or an access_token in the URL";
  return new Failure("http-status", `${pathname} answers ${status}${status === 401 ? `: ${why}` : ""}`, status);
}

/**
 * Converts the error of a media element.
 * @param {MediaError | null} error
 */
export function mediaFailure(error) {
  // MEDIA_ERR_SRC_NOT_SUPPORTED is 4.
  const kind = error?.code === 4 ? "codec" : error?.code === 2 ? "network" : "decode";
  return new Failure(kind, error?.message || "the browser gives no reason");
}
