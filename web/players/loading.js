/** What players that load the media themselves have in common: they stop once, and tell why they cannot go on. */

import { failureOf, mediaFailure } from "./failure.js";
import { PlayerEvents } from "./player.js";

/** @import { Claims } from "./player.js" */

export class LoadingPlayer {
  events = new PlayerEvents();
  #stopped = new AbortController();

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.video = video;
    // It begins once there is enough to go on.
    video.autoplay = false;
    video.addEventListener("error", () => this.fail(mediaFailure(video.error)), { signal: this.stopped });
  }

  /** Aborted when the player stops. */
  get stopped() {
    return this.#stopped.signal;
  }

  /** @param {unknown} error */
  fail(error) {
    if (this.stopped.aborted) return;
    this.stop();
    this.events.emit("error", failureOf(error));
  }

  stop() {
    this.#stopped.abort();
  }

  /** @returns {Claims} */
  claims() {
    return {};
  }
}
