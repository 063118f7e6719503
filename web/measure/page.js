/** The measuring page: plays what the receiver requests and reports. `PROTOCOL.md` describes the messages. */

import { FrameReader } from "../code/grab.js";
import { Failure, hasEnded, isMixedContent } from "../players/failure.js";
import { load } from "../players/index.js";
import { playerOptions } from "../players/presets.js";
import { browser } from "./browser.js";
import { PageClock, timerStepUs } from "./clock.js";
import { Outbox } from "./outbox.js";
import { Watch } from "./watch.js";

/** @import { Player, PlayerOptions } from "../players/player.js" */

const PROTOCOL = 1;

/**
 * @typedef {object} StartMessage
 * @property {string} player
 * @property {string} url
 * @property {string | null} [preset]
 * @property {PlayerOptions} [options]
 * @property {boolean} [canvas_only] For tests: see {@link FrameReader}.
 */

export class Page {
  /** @type {Player | null} */
  #player = null;
  /** @type {Watch | null} */
  #watch = null;
  #ended = false;

  /**
   * @param {HTMLVideoElement} video
   * @param {WebSocket} socket
   * @param {(text: string) => void} show Shows a status to the user.
   * @param {PageClock} clock
   */
  constructor(video, socket, show, clock) {
    this.video = video;
    this.socket = socket;
    this.show = show;
    this.clock = clock;
    this.outbox = new Outbox(socket);
    this.stepUs = timerStepUs();
    socket.addEventListener("message", (event) => this.#received(event));
    socket.addEventListener("close", () => this.#stop("The receiver has disconnected."));
  }

  /** @param {MessageEvent} event */
  #received(event) {
    // Read the clock first, so that parsing does not delay a probe's time.
    const inUs = this.clock.nowUs();
    const message = JSON.parse(event.data);
    switch (message.type) {
      case "probe":
        this.#answer(message.nonce, inUs);
        break;
      case "start":
        this.#start(message).catch((error) => this.#end(error));
        break;
      case "stop":
        this.#end(null);
        break;
      case "reload":
        location.reload();
        break;
    }
  }

  /**
   * @param {string} nonce
   * @param {number} inUs
   */
  #answer(nonce, inUs) {
    this.outbox.sendNow({ type: "answer", nonce, in_us: inUs, out_us: this.clock.nowUs(), step_us: this.stepUs });
  }

  /** @param {StartMessage} message */
  async #start({ player, url, preset = null, options, canvas_only: canvasOnly }) {
    const { name, version } = browser(navigator.userAgent);
    const start = await load(player);
    if (this.#ended) return;
    this.outbox.sendNow({
      type: "hello",
      protocol: PROTOCOL,
      browser: name,
      version,
      cross_origin_isolated: globalThis.crossOriginIsolated,
      started_us: this.clock.nowUs(),
    });
    if (isMixedContent(location.href, url)) {
      throw new Failure("mixed-content", "this page is https and may not load from http");
    }
    this.show(`${player}: ${url}`);
    this.#player = start(this.video, url, playerOptions(preset, options));
    this.#player.events.on("error", (failure) => this.#end(failure));
    this.video.addEventListener("ended", () => this.#end(hasEnded()));
    this.#watch = new Watch(this.video, this.#player, this.clock, this.outbox, new FrameReader(canvasOnly));
    this.#watch.start();
  }

  /** @param {unknown} error `null` on success. */
  async #end(error) {
    if (this.#ended) return;
    const at = this.clock.nowUs();
    const failure = error instanceof Failure ? error : null;
    const kind = failure?.kind ?? (error ? "page" : "none");
    const message = error instanceof Error ? error.message : error ? String(error) : "";
    await this.#stop(message || "Done.");
    this.outbox.sendNow({ type: "end", at_us: at, error: { kind, message, status: failure?.status ?? null } });
  }

  /** @param {string} text */
  async #stop(text) {
    this.#ended = true;
    const reported = this.#watch?.stop();
    this.#player?.stop();
    this.show(text);
    await reported;
  }
}

/** Connects to the receiver that served this page. */
export function open() {
  const address = new URL(`socket${location.search}`, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const status = document.querySelector("#status");
  const show = (/** @type {string} */ text) => {
    if (status) status.textContent = text;
  };
  const video = document.querySelector("video");
  // For tests: a clock that is wrong from the start.
  const shiftUs = Number(new URLSearchParams(location.hash.slice(1)).get("clock_shift_us"));
  if (video) new Page(video, new WebSocket(address), show, new PageClock(shiftUs));
}
