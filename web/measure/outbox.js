/** Sends messages as JSON lines: most in batches, so that measuring disturbs little. */

/** How long a message may wait, ms. */
const BATCH_MS = 200;
/** Bytes that a socket may hold back before messages are dropped, and counted. */
const MAX_HELD_BACK = 4 << 20;

/** @typedef {{ send: (text: string) => void, readonly bufferedAmount: number }} Socket */

export class Outbox {
  /** @type {string[]} */
  #lines = [];
  #scheduled = false;
  /** Messages that were dropped because the receiver does not keep up. */
  dropped = 0;

  /**
   * @param {Socket} socket
   * @param {(run: () => void, ms: number) => void} [later]
   */
  constructor(socket, later = (run, ms) => void setTimeout(run, ms)) {
    this.socket = socket;
    this.later = later;
  }

  /** @param {object} message */
  add(message) {
    if (this.socket.bufferedAmount > MAX_HELD_BACK) {
      this.dropped++;
      return;
    }
    this.#lines.push(JSON.stringify(message));
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.later(() => {
      this.#scheduled = false;
      this.flush();
    }, BATCH_MS);
  }

  /**
   * Ahead of everything that waits: for answers whose time counts.
   * @param {object} message
   */
  sendNow(message) {
    this.socket.send(JSON.stringify(message) + "\n");
  }

  flush() {
    if (this.#lines.length === 0) return;
    this.socket.send(this.#lines.join("\n") + "\n");
    this.#lines = [];
  }
}
