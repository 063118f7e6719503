import assert from "node:assert/strict";
import { test } from "node:test";

import { FragmentSplitter, codecs, isInit, producerReference, startTime, timescales } from "../players/box.js";
import { Dates } from "../players/dates.js";
import { doubt } from "../players/doubt.js";
import {
  Failure,
  explainNoAnswer,
  failureOf,
  isMixedContent,
  read,
  readBody,
  statusFailure,
} from "../players/failure.js";
import { PlayerEvents } from "../players/player.js";
import { expectPlaylist } from "../players/playlist-tags.js";
import { Appender } from "../players/source.js";

/**
 * @param {string} type
 * @param {...Uint8Array} content
 */
function box(type, ...content) {
  const size = content.reduce((sum, part) => sum + part.length, 8);
  const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(type, "latin1"), ...content]);
  bytes.writeUInt32BE(size);
  return bytes;
}

/** @param {...number} values Of 32 bits. */
function words(...values) {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((word, n) => bytes.writeUInt32BE(word, n * 4));
  return bytes;
}

const AVC = box("avc1", Buffer.alloc(78), box("avcC", Buffer.from([1, 0x42, 0xc0, 0x1e, 0xff])));
const TRACK = box("trak",
  box("tkhd", words(0, 0, 0, 7, 0, 0), Buffer.alloc(60)),
  box("mdia", box("mdhd", words(0, 0, 0, 90_000, 0, 0)), box("minf", box("stbl", box("stsd", words(0, 1), AVC)))),
);
const INIT = Buffer.concat([box("ftyp", words(1)), box("moov", box("mvhd", Buffer.alloc(100)), TRACK)]);
const UNIX_S = 1_763_722_800;
const PRFT = box("prft", words(0x01000000, 7, UNIX_S + 2_208_988_800, 2 ** 31, 0, 180_000));
const FRAGMENT = Buffer.concat([PRFT, box("moof", words(1, 2)), box("mdat", Buffer.alloc(50))]);

test("a stream is cut into its initialization section and fragments, however it is chunked", () => {
  const stream = Buffer.concat([INIT, FRAGMENT, FRAGMENT, INIT, FRAGMENT]);
  for (const size of [1, 7, 100, stream.length]) {
    const splitter = new FragmentSplitter();
    const pieces = [];
    for (let at = 0; at < stream.length; at += size) pieces.push(...splitter.push(stream.subarray(at, at + size)));
    assert.deepEqual(pieces.map((piece) => Buffer.from(piece)), [INIT, FRAGMENT, FRAGMENT, INIT, FRAGMENT]);
    assert.deepEqual(pieces.map(isInit), [true, false, false, true, false]);
  }
});

test("boxes of impossible sizes are refused", () => {
  for (const size of [words(4), words(0), words(0x7fffffff)]) {
    const splitter = new FragmentSplitter();
    splitter.push(INIT);
    assert.throws(() => splitter.push(Buffer.concat([size, Buffer.from("moof")])), /bytes|too large/);
  }
  assert.deepEqual(codecs(Buffer.from([0, 0, 0])), []);
  assert.deepEqual(codecs(INIT.subarray(0, INIT.length - 9)), []);
});

test("what does not begin like a stream of fragments is named", () => {
  for (const text of ["#EXTM3U\n#EXT-X-VERSION:9", "<!doctype html>"]) {
    assert.throws(() => new FragmentSplitter().push(Buffer.from(text)), /not a stream of MP4 fragments/);
  }
});

test("codecs, timescales and capture times are read", () => {
  assert.deepEqual(codecs(INIT), ["avc1.42c01e"]);
  const scales = timescales(INIT);
  assert.deepEqual([...scales], [[7, 90_000]]);
  assert.deepEqual(producerReference(FRAGMENT, scales), { mediaS: 2, dateMs: UNIX_S * 1000 + 500 });
  assert.equal(producerReference(INIT, scales), null);
  assert.equal(producerReference(FRAGMENT, new Map()), null, "of another track");
});

test("a media time's date is counted from the piece that it lies in", () => {
  const dates = new Dates();
  assert.equal(dates.at(1), null);
  dates.add(1, 5000);
  dates.add(2, null);
  dates.add(3, 7050);
  assert.deepEqual([0.5, 1, 2.5, 3, 3.5].map((s) => dates.at(s)), [null, 5000, 6500, 7050, 7550]);
  for (let n = 0; n < 5000; n++) dates.add(4 + n, 8000 + n);
  assert.equal(dates.at(4), null, "old ones are forgotten");
});

test("mixed content is http on an https page, but for loopback", () => {
  const page = "https://host/measure";
  assert.ok(isMixedContent(page, "http://camera/index.m3u8"));
  for (const url of ["https://camera/", "http://localhost/", "http://127.0.0.1:8080/", "/index.m3u8"]) {
    assert.ok(!isMixedContent(page, url), url);
  }
  assert.ok(!isMixedContent("http://host/", "http://camera/"));
});

test("no answer is told apart by whether anyone is there", async () => {
  /** @type {typeof globalThis.fetch} */
  const there = async (_, init) => {
    if (init?.mode === "cors") throw new TypeError("Failed to fetch");
    return new Response();
  };
  const open = async () => new Response();
  const nobody = async () => {
    throw new TypeError("Failed to fetch");
  };
  const page = "http://host/page";
  assert.equal((await explainNoAnswer("http://other/x", page, there)).kind, "cors");
  assert.equal((await explainNoAnswer("http://other/x", page, open)).kind, "network", "it can be read after all");
  assert.equal((await explainNoAnswer("http://other/x", page, nobody)).kind, "network");
  assert.equal((await explainNoAnswer("http://host/x", page, there)).kind, "network", "one's own origin needs no CORS");
  assert.equal((await explainNoAnswer("http://other/x", "https://host/", there)).kind, "mixed-content");
});

test("the media time at which a fragment starts", () => {
  const scales = new Map([[7, 90_000], [8, 48_000]]);
  const track = (/** @type {number} */ id, /** @type {Uint8Array} */ tfdt) =>
    box("traf", box("tfhd", words(0, id)), box("tfdt", tfdt));
  const fragment = (/** @type {Uint8Array[]} */ ...tracks) => box("moof", ...tracks);
  assert.equal(startTime(fragment(track(7, words(0, 45_000))), scales), 0.5);
  const long = words(1 << 24, 1, 0);
  assert.equal(startTime(fragment(track(7, long), track(8, words(0, 96_000))), scales), 2, "of the earliest track");
  assert.equal(startTime(fragment(track(9, words(0, 1))), scales), null);
});

/** A source buffer that holds a second from where media is appended. */
class Buffer1s extends EventTarget {
  timestampOffset = 0;
  /** @type {[number, number][]} */
  ranges = [];

  get buffered() {
    const { ranges } = this;
    const at = (/** @type {number} */ n, /** @type {0 | 1} */ side) => ranges[n]?.[side] ?? NaN;
    const start = (/** @type {number} */ n) => at(n, 0);
    return { length: ranges.length, start, end: (/** @type {number} */ n) => at(n, 1) };
  }

  /** @param {Uint8Array} bytes Its first byte is the media time. */
  appendBuffer(bytes) {
    const from = (bytes[0] ?? 0) + this.timestampOffset;
    this.ranges = [...this.ranges, /** @type {[number, number]} */ ([from, from + 1])].sort((a, b) => a[0] - b[0]);
    setTimeout(() => this.dispatchEvent(new Event("updateend")));
  }
}

test("media whose time jumps back at a discontinuity is played on from the end of the buffer", async () => {
  const buffer = new Buffer1s();
  Object.assign(globalThis, { MediaSource: { isTypeSupported: () => true } });
  const [video, source] = [{ currentTime: 0 }, { addSourceBuffer: () => buffer }];
  const appender = new Appender(/** @type {any} */ (video), /** @type {any} */ (source), ["avc1.42c01e"]);
  await appender.append(Uint8Array.of(100), 100);
  assert.deepEqual(await appender.append(Uint8Array.of(101), 101), { fromS: 101, toS: 102 }, "its time goes on");
  assert.deepEqual(await appender.append(Uint8Array.of(0), 0), { fromS: 102, toS: 103 });
  assert.deepEqual(await appender.append(Uint8Array.of(1)), { fromS: 103, toS: 104 });
  assert.equal(buffer.timestampOffset, 102);
});

test("a fault of a player is none of the network's, which would be waited for", async () => {
  const refused = new Failure("http-status", "no", 404);
  assert.equal(failureOf(refused), refused);
  assert.equal(failureOf(new TypeError("x is undefined")).kind, "page");
  await assert.rejects(read(Promise.reject(new TypeError("network error"))), { name: "Failure", kind: "network" });
  await assert.rejects(read(Promise.reject(new DOMException("", "AbortError"))), { name: "AbortError" });
});

test("a body is read, and its first bytes come before its last", async () => {
  const body = new globalThis.ReadableStream({
    async start(controller) {
      controller.enqueue(Uint8Array.of(1, 2));
      await new Promise((resolve) => setTimeout(resolve, 20));
      controller.enqueue(Uint8Array.of(3));
      controller.close();
    },
  });
  const { bytes, firstByte } = await readBody(new Response(body), 3);
  assert.deepEqual([...bytes], [1, 2, 3]);
  assert.ok(firstByte !== null && performance.now() - firstByte >= 10);
  assert.deepEqual(await readBody(new Response(null), 0), { bytes: new Uint8Array(0), firstByte: null });
});

test("a body that is too long or of something else is not read on", async () => {
  let cancelled = 0;
  const endless = () =>
    new Response(
      new globalThis.ReadableStream({
        pull: (controller) => controller.enqueue(Buffer.concat([INIT, FRAGMENT])),
        cancel: () => void cancelled++,
      }),
    );
  await assert.rejects(readBody(endless(), 10_000), { kind: "format", message: "a response of more than 10000 bytes" });
  await assert.rejects(readBody(endless(), 1e9, expectPlaylist), { kind: "format", message: /not a playlist/ });
  assert.equal(cancelled, 2);
  for (const text of ["#EXTM3U\n", "\uFEFF#EXTM3U", "#EX"]) expectPlaylist(Buffer.from(text));
});

test("what a library waits for in vain is named", async (t) => {
  let cancelled = 0;
  const stream = (/** @type {string | Buffer} */ begin) =>
    new Response(
      new globalThis.ReadableStream({
        start: (controller) => controller.enqueue(Buffer.from(begin)),
        cancel: () => void cancelled++,
      }),
    );
  const fetched = t.mock.method(globalThis, "fetch", async () => stream(Buffer.concat([INIT, FRAGMENT])));
  const events = new PlayerEvents();
  const failed = new Promise((resolve) => events.on("error", resolve));
  doubt("http://h/cam/mse", expectPlaylist, events, 0);
  const failure = /** @type {Failure} */ (await failed);
  assert.deepEqual([failure.kind, failure.message], ["format", "not a playlist: its first line is not #EXTM3U"]);
  assert.equal(cancelled, 1, "a stream has no end");

  const calm = new PlayerEvents();
  calm.on("error", (error) => assert.fail(error));
  const playlist = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:1\n#EXT-X-INDEPENDENT-SEGMENTS\n";
  fetched.mock.mockImplementation(async () => stream(playlist));
  doubt("http://h/cam/index.m3u8", expectPlaylist, calm, 0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(cancelled, 2, "enough was read");
});

test("nothing is named once the library has read it, or is stopped", async (t) => {
  /** @type {AbortSignal | null | undefined} */
  let signal;
  /** @type {(response: Response) => void} */
  let answer = () => assert.fail("nobody asked");
  t.mock.method(globalThis, "fetch", (/** @type {unknown} */ _, /** @type {RequestInit} */ init) => {
    signal = init.signal;
    return new Promise((resolve) => (answer = resolve));
  });
  const events = new PlayerEvents();
  events.on("error", (error) => assert.fail(error));
  const settled = doubt("http://h/cam/mse", expectPlaylist, events, 0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(signal?.aborted, false);
  settled();
  assert.equal(signal?.aborted, true);
  answer(new Response("<html>"));
  await new Promise((resolve) => setTimeout(resolve, 20));
});

test("a failure names no token", async () => {
  const url = "http://127.0.0.1:1/cam/index.m3u8?access_token=5b0c";
  const opaque = (/** @type {unknown} */ _, /** @type {RequestInit} */ { mode }) =>
    mode === "no-cors" ? Promise.resolve(new Response()) : Promise.reject(new TypeError("refused"));
  const cors = await explainNoAnswer(url, "http://127.0.0.1:2/measure/", /** @type {any} */ (opaque));
  assert.match(cors.message, /^http:\/\/127.0.0.1:1\/cam\/index.m3u8 sends no/);
  for (const failure of [cors, statusFailure(url, 401)]) assert.doesNotMatch(failure.message, /5b0c/);
  assert.match(statusFailure("http://h/cam/mse", 401).message, /an access_token in the URL$/);
});

test("a splitter says whether a fragment has begun", () => {
  const splitter = new FragmentSplitter();
  splitter.push(INIT);
  assert.equal(splitter.isPending, false);
  splitter.push(FRAGMENT.subarray(0, 9));
  assert.equal(splitter.isPending, true);
});
