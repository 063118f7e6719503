/** The server side of a WebSocket (RFC 6455) for these tests: text, whole messages, no extensions. */

import { createHash } from "node:crypto";
import { EventEmitter } from "node:events";

/** @import { IncomingMessage } from "node:http" */
/** @import { Duplex } from "node:stream" */

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Emits `message` (a JSON line each) and `close`. */
export class Socket extends EventEmitter {
  #pending = Buffer.alloc(0);

  /**
   * @param {IncomingMessage} request
   * @param {Duplex} stream
   */
  constructor(request, stream) {
    super();
    this.stream = stream;
    const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + GUID).digest("base64");
    const upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    stream.write(`${upgrade}Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
    stream.on("data", (data) => this.#data(data));
    stream.on("close", () => this.emit("close"));
    stream.on("error", () => undefined);
  }

  /** @param {object} message */
  send(message) {
    const text = Buffer.from(JSON.stringify(message));
    const header = text.length < 126 ? Buffer.from([0x81, text.length]) : Buffer.from([0x81, 126, 0, 0]);
    if (text.length >= 126) header.writeUInt16BE(text.length, 2);
    this.stream.write(Buffer.concat([header, text]));
  }

  /** @param {Buffer} data */
  #data(data) {
    this.#pending = Buffer.concat([this.#pending, data]);
    for (;;) {
      const frame = take(this.#pending);
      if (!frame) return;
      this.#pending = this.#pending.subarray(frame.length);
      if (frame.opcode === 8) this.stream.end();
      if (frame.opcode !== 1) continue;
      for (const line of frame.text.split("\n").filter(Boolean)) this.emit("message", JSON.parse(line));
    }
  }
}

/**
 * Parses and unmasks a complete frame at the start of `bytes`.
 * @param {Buffer} bytes
 */
function take(bytes) {
  if (bytes.length < 2) return null;
  const opcode = (bytes[0] ?? 0) & 15;
  let [size, at] = [(bytes[1] ?? 0) & 127, 2];
  const extended = size === 126 ? 2 : size === 127 ? 8 : 0;
  if (bytes.length < at + extended + 4) return null;
  if (size === 126) size = bytes.readUInt16BE(at);
  else if (size === 127) size = Number(bytes.readBigUInt64BE(at));
  at += extended;
  const length = at + 4 + size;
  if (bytes.length < length) return null;
  const text = Buffer.from(bytes.subarray(at + 4, length));
  for (let i = 0; i < size; i++) text[i] = (text[i] ?? 0) ^ (bytes[at + (i & 3)] ?? 0);
  return { opcode, text: text.toString(), length };
}
