/** Media Source Extensions, or the managed kind where that is all there is: opening one, and appending in turn. */

import { Failure } from "./failure.js";

/** Played media that is kept, in seconds: a seek back to a key frame needs some. */
const KEEP_BEHIND_S = 10;
/** How often what is older is removed. */
const TRIM_EVERY_S = 5;

/** @returns {typeof MediaSource} */
function mediaSourceClass() {
  const found = globalThis.MediaSource ?? /** @type {any} */ (globalThis).ManagedMediaSource;
  if (!found) throw new Failure("codec", "this browser has no Media Source Extensions");
  return found;
}

/**
 * @param {HTMLVideoElement} video
 * @returns {Promise<MediaSource>}
 */
export function open(video) {
  const source = new (mediaSourceClass())();
  // A managed source opens only where the picture stays in this browser.
  video.disableRemotePlayback = true;
  const url = URL.createObjectURL(source);
  video.src = url;
  return new Promise((resolve) => {
    const opened = () => {
      URL.revokeObjectURL(url);
      resolve(source);
    };
    source.addEventListener("sourceopen", opened, { once: true });
  });
}

/** Appends one after the other. */
export class Appender {
  #buffer;
  #video;
  #trimmedToS = 0;
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /**
   * @param {HTMLVideoElement} video
   * @param {MediaSource} source
   * @param {string[]} codecs
   */
  constructor(video, source, codecs) {
    const type = `video/mp4; codecs="${codecs.join(",")}"`;
    if (!mediaSourceClass().isTypeSupported(type)) throw new Failure("codec", `this browser does not play ${type}`);
    this.#buffer = source.addSourceBuffer(type);
    this.#video = video;
  }

  /** The end of what is buffered, in seconds of media time; `null` where there is nothing. */
  endS() {
    const ranges = this.#buffer.buffered;
    return ranges.length > 0 ? ranges.end(ranges.length - 1) : null;
  }

  /** The start of the last stretch without gaps. */
  startS() {
    const ranges = this.#buffer.buffered;
    return ranges.length > 0 ? ranges.start(ranges.length - 1) : null;
  }

  /**
   * @param {Uint8Array} bytes
   * @returns {Promise<{ fromS: number, toS: number }>} When it is in the buffer: the media time that it added.
   */
  append(bytes) {
    const done = this.#last.then(async () => {
      const before = this.endS();
      await this.#change(() => this.#buffer.appendBuffer(/** @type {Uint8Array<ArrayBuffer>} */ (bytes)));
      return { fromS: before ?? this.startS() ?? 0, toS: this.endS() ?? 0 };
    });
    // Trimming comes after, so that nobody waits for it.
    this.#last = done.then(() => this.#trim()).catch(() => undefined);
    return done;
  }

  async #trim() {
    const endS = this.#video.currentTime - KEEP_BEHIND_S;
    if (endS < this.#trimmedToS + TRIM_EVERY_S) return;
    this.#trimmedToS = endS;
    await this.#change(() => this.#buffer.remove(0, endS));
  }

  /** @param {() => void} change */
  #change(change) {
    return new Promise((resolve, reject) => {
      const buffer = this.#buffer;
      const ended = () => {
        buffer.removeEventListener("updateend", ended);
        buffer.removeEventListener("error", failed);
        resolve(undefined);
      };
      const failed = () => {
        buffer.removeEventListener("updateend", ended);
        reject(new Failure("decode", "the browser refuses a fragment"));
      };
      buffer.addEventListener("updateend", ended);
      buffer.addEventListener("error", failed, { once: true });
      try {
        change();
      } catch (error) {
        buffer.removeEventListener("updateend", ended);
        buffer.removeEventListener("error", failed);
        const reason = error instanceof Error ? error.message : String(error);
        reject(new Failure("decode", this.#video.error?.message || reason));
      }
    });
  }
}
