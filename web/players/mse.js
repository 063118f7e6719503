/** Plays one streamed response with a fragment per frame, appended on arrival. */

import { FragmentSplitter, codecs, isInit, producerReference, timescales } from "./box.js";
import { Failure, get, read } from "./failure.js";
import { LoadingPlayer } from "./loading.js";
import { Appender, open } from "./source.js";
import { Steering } from "./steering.js";

/** @import { Player, PlayerOptions, Start } from "./player.js" */

/** @type {Start} */
export function start(video, url, options) {
  const player = new MsePlayer(video, options);
  player.run(url).catch((error) => player.fail(error));
  return player;
}

/** @implements {Player} */
class MsePlayer extends LoadingPlayer {
  /** @type {Appender | null} */
  #appender = null;
  /** @type {Map<number, number>} */
  #scales = new Map();
  /** @type {{ mediaS: number, dateMs: number } | null} */
  #reference = null;
  /** Received but not yet appended. */
  #waiting = 0;

  /**
   * @param {HTMLVideoElement} video
   * @param {PlayerOptions} options
   */
  constructor(video, options) {
    super(video);
    this.steering = new Steering(video, this.events, options.cushionMs);
  }

  /** @param {string} url */
  async run(url) {
    const signal = this.stopped;
    const requested = performance.now();
    const opening = open(this.video);
    const response = await get(url, { signal });
    const source = await opening;
    const splitter = new FragmentSplitter();
    const reader = response.body?.getReader();
    /** When the first byte of the next fragment came. */
    let firstByte = null;
    for (;;) {
      const { value, done } = (reader && (await read(reader.read()))) ?? { done: true };
      if (done || !value) break;
      const received = performance.now();
      for (const piece of splitter.push(value)) {
        if (isInit(piece)) this.#appendInit(source, piece);
        else this.#append(piece, { requested, firstByte: firstByte ?? received, received });
        firstByte = null;
      }
      firstByte = splitter.isPending ? (firstByte ?? received) : null;
    }
    if (!this.#appender) throw new Failure("network", "the response ended before its initialization section");
    this.#appender.end();
  }

  /**
   * The response begins with one, and has another where the stream changes.
   * @param {MediaSource} source
   * @param {Uint8Array} piece
   */
  #appendInit(source, piece) {
    this.#scales = timescales(piece);
    this.#appender ??= new Appender(this.video, source, codecs(piece));
    this.#appender.append(piece).catch((error) => this.fail(error));
  }

  /**
   * @param {Uint8Array} piece
   * @param {{ requested: number, firstByte: number, received: number }} times
   */
  #append(piece, times) {
    if (!this.#appender) throw new Failure("format", "the response does not begin with an initialization section");
    this.#reference = producerReference(piece, this.#scales) ?? this.#reference;
    this.#waiting++;
    this.#appender.append(piece).then(
      (span) => {
        this.#waiting--;
        const marks = { ...times, appended: performance.now() };
        this.events.emit("media", { ...marks, ...span });
        this.steering.appended(this.#waiting > 0);
      },
      (error) => this.fail(error),
    );
  }

  /** @param {number} mediaTimeS */
  dateAt(mediaTimeS) {
    return this.#reference && this.#reference.dateMs + (mediaTimeS - this.#reference.mediaS) * 1000;
  }
}
