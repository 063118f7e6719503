/** Opens Media Source Extensions, or the managed variant, and appends data in order. */

import { Failure } from "./failure.js";

/** Played media to keep, in seconds, for seeks back to a key frame. */
const KEEP_BEHIND_S = 10;
/** Media that starts so much before the end of the buffer, in seconds, is of a new timeline. */
const JUMP_BACK_S = 0.5;
/** How often older media is removed. */
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
  // A managed source opens only if remote playback is disabled.
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

/** Appends data sequentially. */
export class Appender {
  #buffer;
  #source;
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
    this.#source = source;
    this.#video = video;
  }

  /** End of the buffered media, in seconds of media time; `null` if empty. */
  endS() {
    const ranges = this.#buffer.buffered;
    return ranges.length > 0 ? ranges.end(ranges.length - 1) : null;
  }

  /** Added to the times in the media, in seconds. */
  offsetS() {
    return this.#buffer.timestampOffset;
  }

  /** Start of the last contiguous range. */
  startS() {
    const ranges = this.#buffer.buffered;
    return ranges.length > 0 ? ranges.start(ranges.length - 1) : null;
  }

  /**
   * @param {Uint8Array} bytes
   * @param {number | null} [startS] After a discontinuity, the media time at which `bytes` start: if it has jumped
   *   back, what follows is played on from the end of the buffer.
   * @returns {Promise<{ fromS: number, toS: number }>} The media time added, once it is buffered.
   */
  append(bytes, startS = null) {
    const done = this.#last.then(async () => {
      const before = this.endS();
      if (startS !== null && before !== null && startS + this.#buffer.timestampOffset < before - JUMP_BACK_S) {
        this.#buffer.timestampOffset = before - startS;
      }
      await this.#change(() => this.#buffer.appendBuffer(/** @type {Uint8Array<ArrayBuffer>} */ (bytes)));
      return { fromS: before ?? this.startS() ?? 0, toS: this.endS() ?? 0 };
    });
    // Trim afterwards, so that nothing waits for it.
    this.#last = done.then(() => this.#trim()).catch(() => undefined);
    return done;
  }

  /** Ends the stream: once the rest is played, however little it is, the element fires `ended`. */
  end() {
    const ended = this.#last.then(() => this.#source.endOfStream());
    this.#last = ended.then(() => this.#video.play()).catch(() => undefined);
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
        reject(new Failure("decode", "the browser rejected a fragment"));
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
