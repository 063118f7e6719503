/** A stamped live stream from `publisher` and ffmpeg, served as low-latency HLS. */

import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { existsSync } from "node:fs";

import { FragmentSplitter } from "../../players/box.js";

/** @import { ServerResponse } from "node:http" */

export const FPS = 30;
const FRAMES_PER_SEGMENT = 30;
/** Most frames per part requested here. */
const LARGEST_PART = 5;
const SEGMENTS = 6;
/** Segments listed with their parts. */
const WITH_PARTS = 3;

const TARGET = process.env["CARGO_TARGET_DIR"] ?? new URL("../../../target", import.meta.url).pathname;
const PUBLISHER = process.env["FRAMELAG_PUBLISHER"] ?? `${TARGET}/debug/publisher`;
const ENCODER = "-c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline -b:v 1500k -sc_threshold 0 -g 30";

/**
 * Starts a stamping publisher and an encoding ffmpeg.
 * @param {string} size
 * @param {string[]} output Arguments of ffmpeg.
 */
export function encode(size, output) {
  if (!existsSync(PUBLISHER)) {
    throw new Error(`${PUBLISHER} is missing: cargo build -p publisher, or set FRAMELAG_PUBLISHER`);
  }
  const options = { stdio: /** @type {["ignore", "pipe", "ignore"]} */ (["ignore", "pipe", "ignore"]) };
  const publisher = spawn(PUBLISHER, ["--source", "test", "--size", size, "--to", "-"], options);
  const input = ["-v", "error", "-f", "yuv4mpegpipe", "-i", "-"];
  const encoder = spawn("ffmpeg", [...input, ...ENCODER.split(" "), ...output], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  publisher.stdout.pipe(encoder.stdin);
  encoder.stdin.on("error", () => undefined);
  return {
    stdout: encoder.stdout,
    stop() {
      publisher.kill();
      encoder.kill("SIGKILL");
    },
  };
}

/** Produces one-frame fragments. Emits `frame`. */
export class Live extends EventEmitter {
  /** @type {Uint8Array | null} */
  init = null;
  /** @type {Uint8Array[]} */
  frames = [];
  /** When the first frame of each segment arrived. */
  #segmentMs = /** @type {number[]} */ ([]);
  /** Longest recent interval between two frames: on a busy machine the source itself falters. */
  longestGapMs = 0;
  #lastMs = Infinity;

  /** @param {string} [size] */
  constructor(size = "640x480") {
    super();
    this.setMaxListeners(0);
    const flags = "empty_moov+default_base_moof+frag_every_frame";
    this.encoder = encode(size, ["-f", "mp4", "-movflags", flags, "-flush_packets", "1", "-"]);
    const splitter = new FragmentSplitter();
    this.encoder.stdout.on("data", (chunk) => splitter.push(chunk).forEach((piece) => this.#piece(piece)));
  }

  /** @param {Uint8Array} piece */
  #piece(piece) {
    if (!this.init) {
      this.init = piece;
      return;
    }
    const now = Date.now();
    if (this.frames.length % FRAMES_PER_SEGMENT === 0) this.#segmentMs.push(now);
    this.longestGapMs = Math.max(this.longestGapMs, now - this.#lastMs);
    this.#lastMs = now;
    this.frames.push(piece);
    this.emit("frame");
  }

  /** @param {number} count */
  async until(count) {
    while (this.frames.length < count) await once(this, "frame");
  }

  /**
   * Returns the date that the playlist states for a frame, in ms.
   * @param {number} frame Counted from 0, as the publisher stamps them.
   */
  dateOf(frame) {
    const segment = Math.floor(frame / FRAMES_PER_SEGMENT);
    return (this.#segmentMs[segment] ?? NaN) + ((frame % FRAMES_PER_SEGMENT) / FPS) * 1000;
  }

  /** @param {number} frame Counted from 0. */
  beginsSegment(frame) {
    return frame % FRAMES_PER_SEGMENT < LARGEST_PART;
  }

  /**
   * Returns the current playlist.
   * @param {number} perPart Frames of a part.
   */
  playlist(perPart) {
    const partS = (perPart / FPS).toFixed(5);
    const perSegment = FRAMES_PER_SEGMENT / perPart;
    const parts = Math.floor(this.frames.length / perPart);
    const current = Math.floor(parts / perSegment);
    const first = Math.max(current - SEGMENTS, 0);
    const lines = ["#EXTM3U", "#EXT-X-VERSION:9", "#EXT-X-TARGETDURATION:1", `#EXT-X-PART-INF:PART-TARGET=${partS}`];
    lines.push(`#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=${3 * Number(partS)}`);
    lines.push(`#EXT-X-MEDIA-SEQUENCE:${first}`, '#EXT-X-MAP:URI="init.mp4"');
    for (let segment = first; segment <= current; segment++) {
      const count = Math.min(parts - segment * perSegment, perSegment);
      const date = new Date(this.#segmentMs[segment] ?? 0);
      if (count > 0) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${date.toISOString()}`);
      for (let part = 0; part < count && segment > current - WITH_PARTS; part++) {
        const independent = part === 0 ? ",INDEPENDENT=YES" : "";
        lines.push(`#EXT-X-PART:DURATION=${partS},URI="${perPart}-${segment * perSegment + part}.m4s"${independent}`);
      }
      if (count === perSegment) lines.push("#EXTINF:1.00000,", `${FRAMES_PER_SEGMENT}-${segment}.m4s`);
    }
    lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${perPart}-${parts}.m4s"`);
    return `${lines.join("\n")}\n`;
  }

  /**
   * Answers a request for `live/N/…`, where N is the number of frames per part.
   * @param {URL} url
   * @param {ServerResponse} response
   */
  async answer(url, response) {
    const [, perPart, name] = /\/live\/(\d+)\/(.+)$/.exec(url.pathname) ?? [];
    const piece = /^(\d+)-(\d+)\.m4s$/.exec(name ?? "");
    const count = Number(perPart);
    if (name === "index.m3u8") {
      const query = url.searchParams;
      const parts = (Number(query.get("_HLS_msn")) * FRAMES_PER_SEGMENT) / count + Number(query.get("_HLS_part"));
      await this.until(query.has("_HLS_msn") ? (parts + 1) * count : 1);
      response.end(this.playlist(count));
    } else if (name === "init.mp4") {
      response.end(this.init);
    } else if (piece) {
      const [size, index] = [Number(piece[1]), Number(piece[2])];
      await this.until(size * (index + 1));
      response.end(Buffer.concat(this.frames.slice(size * index, size * (index + 1))));
    } else {
      response.writeHead(404).end();
    }
  }

  /**
   * Streams one response from the last key frame on.
   * @param {ServerResponse} response
   */
  stream(response) {
    let next = Math.max(this.frames.length - 1, 0);
    next -= next % FRAMES_PER_SEGMENT;
    response.write(this.init);
    const write = () => {
      while (next < this.frames.length) response.write(this.frames[next++]);
    };
    write();
    this.on("frame", write);
    response.on("close", () => this.off("frame", write));
  }

  /** @param {number} count Frames of a file. */
  file(count) {
    return Buffer.concat([this.init ?? new Uint8Array(0), ...this.frames.slice(0, count)]);
  }
}
