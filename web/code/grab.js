/**
 * Reads the code in a video element's current frame: from a small rectangle copied by `VideoFrame.copyTo` (0.1 ms),
 * or from a canvas if frames are not available (1.4 ms).
 */

import { Reader } from "./reader.js";

/** @import { Payload } from "./payload.js" */
/** @import { Rect } from "./reader.js" */

/** Pixel formats whose first plane is luma. */
const PLANAR = /^(I4|NV12)/;
/** Most frames read at the same time: each holds a decoder buffer. */
const MAX_IN_FLIGHT = 4;

/**
 * @typedef {object} Look
 * @property {Payload | null} code
 * @property {number | null} mediaUs Media time of the frame whose pixels were read, µs.
 * @property {"copy" | "canvas"} by
 * @property {number} grabMs Time from the call until the pixels were available.
 * @property {number} readMs Time to read the code.
 */

export class FrameReader {
  #reader = new Reader();
  #pixels = new Uint8Array(0);
  #inFlight = 0;
  /** @type {OffscreenCanvasRenderingContext2D | null} */
  #context = null;

  /** @param {boolean} [canvasOnly] Always uses the canvas, for tests. */
  constructor(canvasOnly = false) {
    this.canvasOnly = canvasOnly;
  }

  /**
   * Captures the frame before it returns; reads its pixels afterwards.
   * @param {HTMLVideoElement} video
   * @returns {Promise<Look | null>} `null` if frames arrive faster than they can be read.
   */
  async look(video) {
    if (this.#inFlight >= MAX_IN_FLIGHT) return null;
    const start = performance.now();
    const currentTimeS = video.currentTime;
    const frame = this.canvasOnly ? null : frameOf(video);
    this.#inFlight++;
    try {
      const planar = frame?.format && PLANAR.test(frame.format);
      const look = planar ? await this.#copy(frame, start) : this.#draw(frame ?? video, start);
      return { ...look, mediaUs: frame && mediaUsOf(frame.timestamp, currentTimeS) };
    } finally {
      frame?.close();
      this.#inFlight--;
    }
  }

  /**
   * @param {VideoFrame} frame
   * @param {number} start
   * @returns {Promise<Omit<Look, "mediaUs">>}
   */
  async #copy(frame, start) {
    const { width, height } = frame.visibleRect ?? { width: 0, height: 0 };
    const look = { code: null, by: /** @type {const} */ ("copy"), grabMs: 0, readMs: 0 };
    const window = this.#reader.window(width, height);
    if (window) {
      const plane = await this.#luma(frame, window);
      const grabbed = performance.now();
      const code = this.#reader.readWindow(plane.data, window, plane.stride);
      if (code) return { ...look, code, grabMs: grabbed - start, readMs: performance.now() - grabbed };
    }
    const plane = await this.#luma(frame, { x: 0, y: 0, width, height });
    const grabbed = performance.now();
    const code = this.#reader.read(plane.data, width, height, plane.stride);
    return { ...look, code, grabMs: grabbed - start, readMs: performance.now() - grabbed };
  }

  /**
   * @param {VideoFrame} frame
   * @param {Rect} window Of the visible part.
   */
  async #luma(frame, { x, y, width, height }) {
    const rect = { x: x + (frame.visibleRect?.x ?? 0), y: y + (frame.visibleRect?.y ?? 0), width, height };
    const size = frame.allocationSize({ rect });
    // Frames read at the same time need separate buffers.
    const buffer = this.#inFlight > 1 || this.#pixels.length < size ? new Uint8Array(size) : this.#pixels;
    this.#pixels = buffer;
    const [luma] = await frame.copyTo(buffer, { rect });
    return { data: buffer.subarray(luma?.offset ?? 0), stride: luma?.stride ?? width };
  }

  /**
   * @param {VideoFrame | HTMLVideoElement} source
   * @param {number} start
   * @returns {Omit<Look, "mediaUs">}
   */
  #draw(source, start) {
    const isFrame = "displayWidth" in source;
    const [width, height] = isFrame
      ? [source.displayWidth, source.displayHeight]
      : [source.videoWidth, source.videoHeight];
    const window = this.#reader.window(width, height);
    const around = window ?? { x: 0, y: 0, width, height };
    let luma = this.#drawn(source, around);
    let grabbed = performance.now();
    let code = window ? this.#reader.readWindow(luma, window) : this.#reader.read(luma, width, height);
    if (window && !code) {
      luma = this.#drawn(source, { x: 0, y: 0, width, height });
      grabbed = performance.now();
      code = this.#reader.read(luma, width, height);
    }
    return { code, by: "canvas", grabMs: grabbed - start, readMs: performance.now() - grabbed };
  }

  /**
   * @param {VideoFrame | HTMLVideoElement} source
   * @param {Rect} window
   */
  #drawn(source, { x, y, width, height }) {
    if (width === 0 || height === 0) return new Uint8Array(0);
    if (this.#context?.canvas.width !== width || this.#context.canvas.height !== height) {
      this.#context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    }
    this.#context?.drawImage(source, x, y, width, height, 0, 0, width, height);
    const rgba = this.#context?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray(0);
    // BT.601 weights; the code has no colour, so any would do.
    return Uint8Array.from({ length: width * height }, (_, i) => {
      return ((rgba[4 * i] ?? 0) * 77 + (rgba[4 * i + 1] ?? 0) * 150 + (rgba[4 * i + 2] ?? 0) * 29) >> 8;
    });
  }
}

/**
 * Media time of a frame created from a video element, µs; `null` if unknown: Firefox (153) stores seconds there.
 * @param {number} timestamp Of the frame.
 * @param {number} currentTimeS Of the element.
 */
export function mediaUsOf(timestamp, currentTimeS) {
  return Math.abs(timestamp - currentTimeS) <= 1 ? null : timestamp;
}

/** @param {HTMLVideoElement} video */
function frameOf(video) {
  try {
    return typeof VideoFrame === "undefined" ? null : new VideoFrame(video);
  } catch {
    // No frame yet, or the browser cannot create one from an element.
    return null;
  }
}
