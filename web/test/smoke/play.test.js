/** Runs each player in a real Chromium: it plays, and the code is read on 99 % of the presented frames. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { startChromium } from "./chromium.js";
import { FPS, Live, encode } from "./live.js";
import { TestServer } from "./server.js";

/** @import { Socket } from "./websocket.js" */

/** Frames per join: a busy machine takes longer for them. */
const FRAMES = 4 * FPS;
/** Time limit for a join that does not play. */
const PATIENCE_MS = 60_000;

const server = new TestServer();
/** @type {ReturnType<typeof startChromium>} */
let chromium;
/** @type {Socket} */
let socket;

before(async () => {
  await server.listen();
  await server.live.until(2 * FPS);
  const connected = once(server, "socket");
  chromium = startChromium(`${server.origin}/measure/index.html?token=test`);
  [socket] = await connected;
});

after(async () => {
  await chromium?.stop();
  server.close();
});

/**
 * Runs one join: plays some frames, then reloads the page.
 * @param {object} start
 * @returns {Promise<any[]>} The page's messages.
 */
async function join(start) {
  /** @type {any[]} */
  const messages = [];
  let frames = 0;
  const ended = new Promise((resolve) => {
    socket.on("message", (message) => {
      messages.push({ ...message, heard_us: Date.now() * 1000 });
      if (message.type === "frame" && ++frames === FRAMES) socket.send({ type: "stop" });
      if (message.type === "end") resolve(undefined);
    });
  });
  socket.send({ type: "start", ...start });
  const probes = setInterval(() => socket.send({ type: "probe", nonce: String(Date.now()) }), 500);
  const stop = setTimeout(() => socket.send({ type: "stop" }), PATIENCE_MS);
  await ended;
  clearInterval(probes);
  clearTimeout(stop);
  const connected = once(server, "socket");
  socket.send({ type: "reload" });
  [socket] = await connected;
  return messages;
}

/**
 * Checks what holds for every join that plays.
 * @param {string} name
 * @param {any[]} messages
 * @param {"copy" | "canvas"} [by] How pixels are to be got at.
 */
function check(name, messages, by = "copy") {
  const of = (/** @type {string} */ type) => messages.filter((message) => message.type === type);
  const [hello, end, frames] = [of("hello")[0], of("end")[0], of("frame")];
  assert.equal(hello.browser, "Chromium");
  assert.equal(hello.cross_origin_isolated, true);
  assert.deepEqual(end.error, { kind: "none", message: "", status: null });
  assert.ok(frames.length >= FRAMES, `${frames.length} callbacks`);
  const read = frames.filter((frame) => frame.code && frame.read_by === by);
  assert.ok(read.length >= 0.99 * frames.length, `${read.length} of ${frames.length} codes read`);
  const others = read.filter((frame) => frame.pixels_us !== null && Math.abs(frame.pixels_us - frame.media_us) > 1000);
  assert.ok(others.length <= 0.01 * frames.length, `${others.length} looks at another frame than the callback's`);
  tell(name, of, read, hello);
  return { of, read };
}

/**
 * @param {number[]} values
 * @param {number} q
 */
const quantile = (values, q) => values.toSorted((a, b) => a - b)[Math.floor(values.length * q)] ?? NaN;

/**
 * Prints the measured figures for people; no test depends on them.
 * @param {string} name
 * @param {(type: string) => any[]} of
 * @param {any[]} read
 * @param {any} hello
 */
function tell(name, of, read, hello) {
  const ms = (/** @type {number[]} */ us, /** @type {number} */ q) => (quantile(us, q) / 1000).toFixed(2);
  const latencies = read.map((frame) => frame.presented_us - frame.code.pub_us);
  const costs = ["grab_us", "read_us"].map((key) => {
    const all = read.map((frame) => frame[key]);
    return `${key} p50 ${ms(all, 0.5)} p95 ${ms(all, 0.95)} ms`;
  });
  const [frames, claim] = [of("frame"), of("claim").at(-1)];
  const missed = frames.reduce((sum, frame) => sum + frame.missed, 0);
  const claimed = claim ? `; claims ${claim.value_ms.toFixed(0)} ms` : "";
  console.log(
    `${name}: ${read.length} of ${frames.length} read, ${missed} missed; LAT p50 ${ms(latencies, 0.5)}`,
    `p99 ${ms(latencies, 0.99)} ms${claimed}; first picture ${ms([read[0].presented_us - hello.started_us], 0)} ms;`,
    `${costs.join(", ")}; stalls [${of("stall").map((stall) => ms([stall.length_us], 0))}] ms;`,
    `seeks [${of("seek").map((seek) => seek.why)}]; source's longest gap ${server.live.longestGapMs} ms`,
  );
  server.live.longestGapMs = 0;
}

/**
 * The page knows each frame's date from the playlist. The first part of a segment may arrive before its date: then
 * the date is derived from the previous segment, which is less exact if the source falters.
 * @param {any[]} read Frames.
 */
function checkDates(read) {
  const stated = read.filter(({ code }) => !server.live.beginsSegment(code.sequence));
  const right = stated.filter(({ date_us: us, code }) => Math.abs(us / 1000 - server.live.dateOf(code.sequence)) < 2);
  assert.ok(right.length >= 0.9 * stated.length, `${right.length} of ${stated.length} frames have the right date`);
}

test("native plays a file, of 720p", async () => {
  const large = new Live("1280x720");
  await large.until(5 * FPS);
  large.encoder.stop();
  server.file = large.file(5 * FPS);
  check("native, 720p", await join({ player: "native", url: `${server.origin}/file.mp4` }));
});

test("pixels come by a canvas where frames are not to be had", async () => {
  const start = { player: "native", url: `${server.origin}/file.mp4`, canvas_only: true };
  check("canvas, 720p", await join(start), "canvas");
});

test("mse plays one streamed response", async () => {
  const { of, read } = check("mse", await join({ player: "mse", url: `${server.origin}/live/mse`, preset: "frame" }));
  assert.ok(of("media").length >= FRAMES / 2, "a fragment per frame");
  assert.ok(read.every((frame) => frame.presented_us > frame.code.pub_us));
});

test("own plays low-latency HLS of one-frame parts, and knows the dates of frames", async () => {
  const start = { player: "own", url: `${server.origin}/live/1/index.m3u8`, preset: "frame" };
  const { of, read } = check("own", await join(start));
  assert.ok(of("media").length >= FRAMES / 2, "a part per frame");
  checkDates(read);
});

test("own plays parts of five frames", async () => {
  check("own, 5 frames", await join({ player: "own", url: `${server.origin}/live/5/index.m3u8`, preset: "ultra" }));
});

test("hls.js plays the same", async () => {
  const url = `${server.origin}/live/5/index.m3u8`;
  const { of, read } = check("hls.js", await join({ player: "hls.js", url }));
  assert.ok(of("claim").some(({ name, value_ms }) => name === "hls_latency_ms" && value_ms > 0));
  // hls.js shifts its timeline by PROGRAM-DATE-TIME, so a faltering source makes its dates differ.
  assert.ok(read.filter((frame) => frame.date_us !== null).length >= 0.99 * read.length, "frames have dates");
});

test("hls.js is steered to a cushion", async () => {
  const url = `${server.origin}/live/5/index.m3u8`;
  check("hls.js, ultra", await join({ player: "hls.js", url, preset: "ultra" }));
});

test("dash.js plays what ffmpeg's muxer puts", async () => {
  const dash = "-f dash -ldash 1 -streaming 1 -use_template 1 -use_timeline 0 -seg_duration 1 -frag_type every_frame";
  const put = `-window_size 5 -method PUT -http_persistent 1 -utc_timing_url ${server.origin}/time`;
  const encoder = encode("640x480", [...dash.split(" "), ...put.split(" "), `${server.origin}/dash/manifest.mpd`]);
  try {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const start = { player: "dash.js", url: `${server.origin}/dash/manifest.mpd`, preset: "real-time" };
    const { of, read } = check("dash.js", await join(start));
    assert.ok(of("claim").some(({ name, value_ms }) => name === "dash_live_latency_ms" && value_ms > 0));
    assert.ok(read.some((frame) => frame.date_us !== null), "availabilityStartTime dates frames");
  } finally {
    encoder.stop();
  }
});

/** A server that does not let pages read its responses. */
async function startForeign() {
  const foreign = createServer((_, response) => response.end("#EXTM3U"));
  foreign.listen(0, "127.0.0.1");
  await once(foreign, "listening");
  const address = foreign.address();
  const port = typeof address === "object" ? address?.port : 0;
  return { server: foreign, url: `http://127.0.0.1:${port}/index.m3u8` };
}

test("failures are named", async () => {
  const unanswered = "http://127.0.0.1:9/index.m3u8";
  const foreign = await startForeign();
  for (const [player, url, kind, status] of /** @type {const} */ ([
    ["own", `${server.origin}/live/1/none`, "http-status", 404],
    ["own", `${server.origin}/measure/index.html`, "format", null],
    ["own", unanswered, "network", null],
    ["hls.js", `${server.origin}/live/1/none`, "http-status", 404],
    ["native", `${server.origin}/live/1/none`, "http-status", 404],
    ["native", `${server.origin}/measure/index.html`, "codec", null],
    ["mse", `${server.origin}/live/1/none`, "http-status", 404],
    ["dash.js", `${server.origin}/dash/none.mpd`, "http-status", 404],
    ["dash.js", `${server.origin}/measure/index.html`, "format", null],
    ["own", `${server.origin}/live/hevc.m3u8`, "codec", null],
    ["hls.js", `${server.origin}/live/hevc.m3u8`, "codec", null],
    ["own", foreign.url, "cors", null],
    ["hls.js", foreign.url, "cors", null],
    ["native", foreign.url, "cors", null],
    ["dash.js", foreign.url, "cors", null],
  ])) {
    const end = (await join({ player, url })).find((message) => message.type === "end");
    assert.deepEqual([end.error.kind, end.error.status], [kind, status], `${player} ${url}: ${end.error.message}`);
  }
  foreign.server.close();
});
