/**
 * Serves `web/` cross-origin isolated, the live stream, and files uploaded by ffmpeg; accepts the page's WebSocket.
 */

import { EventEmitter, once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";

import { Live } from "./live.js";
import { Socket } from "./websocket.js";

/** @import { IncomingMessage, ServerResponse } from "node:http" */

const ROOT = new URL("../../", import.meta.url);
const TYPES = /** @type {Record<string, string>} */ ({
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".m3u8": "application/vnd.apple.mpegurl",
  ".mpd": "application/dash+xml",
  ".mp4": "video/mp4",
  ".m4s": "video/mp4",
});
const VENDOR = /** @type {Record<string, string>} */ ({
  "/vendor/hls.mjs": "node_modules/hls.js/dist/hls.mjs",
  "/vendor/dash.mjs": "node_modules/dashjs/dist/modern/esm/dash.all.min.js",
});

/** A file being uploaded, readable while it grows, as low-latency DASH requires. */
class Growing extends EventEmitter {
  /** @type {Buffer[]} */
  chunks = [];
  done = false;

  /** @param {IncomingMessage} request */
  constructor(request) {
    super();
    this.setMaxListeners(0);
    request.on("data", (chunk) => {
      this.chunks.push(chunk);
      this.emit("more");
    });
    request.on("end", () => {
      this.done = true;
      this.emit("more");
    });
  }

  /** @param {ServerResponse} response */
  async send(response) {
    for (let next = 0; ; ) {
      while (next < this.chunks.length) response.write(this.chunks[next++]);
      if (this.done) break;
      await once(this, "more");
    }
    response.end();
  }
}

/** Emits `socket` when a page connects. */
export class TestServer extends EventEmitter {
  /** @type {Map<string, Growing>} */
  #put = new Map();
  live = new Live();
  file = Buffer.alloc(0);
  #server = createServer((request, response) => {
    this.#answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });

  async listen() {
    this.#server.on("upgrade", (request, stream) => this.emit("socket", new Socket(request, stream)));
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (!address || typeof address === "string") throw new Error("no address");
    this.origin = `http://127.0.0.1:${address.port}`;
  }

  close() {
    this.live.encoder.stop();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /**
   * @param {IncomingMessage} request
   * @param {ServerResponse} response
   */
  async #answer(request, response) {
    const url = new URL(request.url ?? "/", this.origin);
    const path = url.pathname;
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "credentialless");
    response.setHeader("Cache-Control", "no-store");
    response.setHeader("Content-Type", TYPES[extname(path)] ?? "application/octet-stream");
    if (request.method === "PUT" || request.method === "DELETE") {
      if (request.method === "PUT") this.#put.set(path, new Growing(request));
      request.on("end", () => response.end());
      request.resume();
    } else if (path.startsWith("/dash/")) {
      const file = this.#put.get(path);
      await (file ? file.send(response) : response.writeHead(404).end());
    } else if (path === "/time") {
      response.end(new Date().toISOString());
    } else if (path === "/live/hevc.m3u8") {
      response.end('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="hvc1.1.6.L93.B0"\n1/index.m3u8\n');
    } else if (path === "/live/mse") {
      this.live.stream(response);
    } else if (path === "/file.mp4") {
      response.end(this.file);
    } else if (path.startsWith("/live/")) {
      await this.live.answer(url, response);
    } else {
      await this.#file(path, response);
    }
  }

  /**
   * @param {string} path
   * @param {ServerResponse} response
   */
  async #file(path, response) {
    const found = VENDOR[path] ?? /^\/((?:code|measure|players)\/[a-z-]+\.(?:js|html))$/.exec(path)?.[1];
    if (!found) response.writeHead(404).end();
    else response.end(await readFile(new URL(found, ROOT)));
  }
}
