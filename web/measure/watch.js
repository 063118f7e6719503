/** Watches a video element and reports in the messages of `PROTOCOL.md`. */

import { Presented } from "./presented.js";
import { Stalls } from "./stalls.js";

/** @import { FrameReader, Look } from "../code/grab.js" */
/** @import { MediaMarks, Player } from "../players/player.js" */
/** @import { PageClock } from "./clock.js" */
/** @import { Outbox } from "./outbox.js" */
/** @import { Stall } from "./stalls.js" */

const STALL_POLL_MS = 50;
const STATE_EVERY_MS = 250;
/** Longest wait for the pixels of the last frames. */
const LAST_LOOKS_MS = 200;

/** @param {number | null | undefined} s */
const secondsToUs = (s) => (s === null || s === undefined || !Number.isFinite(s) ? null : Math.round(s * 1e6));
/** @param {number} ms */
const msToUs = (ms) => Math.round(ms * 1000);

export class Watch {
  #presented = new Presented();
  #stalls = new Stalls();
  #stopped = new AbortController();
  /** Frames whose pixels are being read. @type {Set<Promise<void>>} */
  #looking = new Set();
  /** The seek under way: when it began, and why, `null` if unknown. */
  #seek = /** @type {{ ms: number, why: string | null } | null} */ (null);
  /** @type {"live-edge" | "gap" | null} The seek that the player has announced. */
  #seekReason = null;

  /**
   * @param {HTMLVideoElement} video
   * @param {Player} player
   * @param {PageClock} clock
   * @param {Outbox} outbox
   * @param {FrameReader} frames
   */
  constructor(video, player, clock, outbox, frames) {
    this.frames = frames;
    this.video = video;
    this.player = player;
    this.clock = clock;
    this.outbox = outbox;
  }

  start() {
    const { video, player } = this;
    const { signal } = this.#stopped;
    const timers = [
      setInterval(() => this.#poll(), STALL_POLL_MS),
      setInterval(() => this.#state(), STATE_EVERY_MS),
    ];
    signal.addEventListener("abort", () => timers.forEach((timer) => clearInterval(timer)));
    video.addEventListener("waiting", () => !video.seeking && this.#stalls.waiting(performance.now()), { signal });
    video.addEventListener("seeking", () => this.#seeking(), { signal });
    video.addEventListener("seeked", () => this.#seeked(), { signal });
    player.events.on("media", (marks) => this.#media(marks));
    player.events.on("seek", ({ why }) => (this.#seekReason = why));
    video.requestVideoFrameCallback((_, frame) => this.#frame(frame));
  }

  /** Resolves once all frames seen are reported, or after `LAST_LOOKS_MS`. */
  async stop() {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    // A stream that is over keeps nobody waiting.
    if (!this.video.ended) this.#stalled(this.#stalls.finish(this.#moment()));
    this.#state();
    await Promise.race([Promise.all(this.#looking), new Promise((resolve) => setTimeout(resolve, LAST_LOOKS_MS))]);
    this.outbox.flush();
  }

  /** @param {VideoFrameCallbackMetadata} frame */
  #frame(frame) {
    if (this.#stopped.signal.aborted) return;
    const called = performance.now();
    const looking = this.frames.look(this.video);
    this.video.requestVideoFrameCallback((_, next) => this.#frame(next));
    const missed = this.#presented.callback(frame.presentedFrames, frame.mediaTime);
    this.#stalled(this.#stalls.presented(frame.presentationTime, frame.mediaTime, missed));
    const message = this.#frameMessage(called, frame, missed);
    const reported = looking.then(
      (look) => this.outbox.add({ ...message, ...lookFields(look) }),
      (error) => this.outbox.add({ ...message, ...lookFields(null), note: String(error) }),
    );
    this.#looking.add(reported);
    reported.finally(() => this.#looking.delete(reported));
  }

  /**
   * @param {number} called
   * @param {VideoFrameCallbackMetadata} frame
   * @param {number} missed
   */
  #frameMessage(called, frame, missed) {
    const { clock } = this;
    const dateMs = this.player.dateAt(frame.mediaTime);
    return {
      type: "frame",
      presented_us: clock.atUs(frame.presentationTime),
      callback_us: clock.atUs(called),
      media_us: secondsToUs(frame.mediaTime),
      date_us: dateMs === null ? null : msToUs(dateMs),
      missed,
    };
  }

  #poll() {
    this.#stalled(this.#stalls.update(this.#moment()));
  }

  #moment() {
    const { currentTime, paused, seeking } = this.video;
    return { nowMs: performance.now(), currentTimeS: currentTime, halted: paused || seeking };
  }

  /** @param {Stall | null} stall */
  #stalled(stall) {
    if (!stall) return;
    const [at, length] = [this.clock.atUs(stall.startMs), msToUs(stall.lengthMs)];
    this.outbox.add({ type: "stall", at_us: at, length_us: length });
  }

  #seeking() {
    this.#presented.seeking();
    this.#stalled(this.#stalls.update(this.#moment()));
    const why = this.#presented.callbacks === 0 ? "start" : this.#seekReason;
    this.#seek ??= { ms: performance.now(), why };
    this.#seekReason = null;
  }

  #seeked() {
    if (!this.#seek) return;
    const { ms, why } = this.#seek;
    this.#seek = null;
    this.outbox.add({ type: "seek", at_us: this.clock.atUs(ms), why: why ?? "player" });
  }

  #state() {
    const { video, clock } = this;
    const endS = bufferedEndS(video);
    const aheadS = endS === null ? null : endS - video.currentTime;
    const quality = video.getVideoPlaybackQuality();
    const at = clock.nowUs();
    this.outbox.add({
      type: "state",
      at_us: at,
      playback_rate: video.playbackRate,
      ahead_us: secondsToUs(aheadS),
      dropped: quality.droppedVideoFrames,
      hidden: document.hidden,
      messages_dropped: this.outbox.dropped,
    });
    for (const [name, ms] of Object.entries(this.player.claims())) {
      this.outbox.add({ type: "claim", at_us: at, name, value_ms: ms });
    }
  }

  /** @param {MediaMarks} marks */
  #media({ requested, firstByte, received, appended, fromS, toS }) {
    const { clock } = this;
    this.outbox.add({
      type: "media",
      from_us: secondsToUs(fromS),
      to_us: secondsToUs(toS),
      requested_us: clock.maybeUs(requested),
      first_byte_us: clock.maybeUs(firstByte),
      received_us: clock.maybeUs(received),
      appended_us: clock.maybeUs(appended),
    });
  }
}

/**
 * The end of the range being played: what lies behind a gap is not ahead.
 * @param {HTMLVideoElement} video
 */
function bufferedEndS({ buffered, currentTime }) {
  for (let i = buffered.length - 1; i >= 0; i--) if (buffered.start(i) <= currentTime) return buffered.end(i);
  return null;
}

/** @param {Look | null} look */
function lookFields(look) {
  if (!look) return { code: null, read_by: null, pixels_us: null, grab_us: null, read_us: null };
  const { code, by, mediaUs, grabMs, readMs } = look;
  return {
    code: code && { stream: code.streamId, sequence: code.sequence, pub_us: code.timeUs },
    read_by: by,
    pixels_us: mediaUs,
    grab_us: msToUs(grabMs),
    read_us: msToUs(readMs),
  };
}
