/** Sends messages as JSON lines, mostly in batches to disturb the measurement little. */

/** Longest time that a message is held back, ms. */
const BATCH_MS = 200;
/** Most bytes buffered in the socket; beyond that, messages are dropped and counted. */
const MAX_HELD_BACK = 4 << 20;

/** @typedef {{ send: (text: string) => void, readonly bufferedAmount: number }} Socket */

export class Outbox {
  /** @type {string[]} */
  #lines = [];
  #scheduled = false;
  /** Messages dropped because the receiver is too slow. */
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
   * Sends ahead of all queued messages: for time-critical answers.
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
