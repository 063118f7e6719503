import assert from "node:assert/strict";
import { test } from "node:test";

import { LiveEdge, firstPartUrl, nextPart, reloadUrl, withoutParts } from "../players/live-edge.js";
import { parse } from "../players/playlist.js";

/** @import { Piece } from "../players/live-edge.js" */

const URL = "http://h/cam/index.m3u8?token=a";

/**
 * Builds a playlist of segments, each given as its number of parts and whether it is complete: `"4"`, `"2+"` (2
 * parts, to be continued), `"-"` (complete, without its parts).
 * @param {number} first
 * @param {string[]} segments
 * @param {string} [hint]
 */
function list(first, segments, hint) {
  const lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", `#EXT-X-MEDIA-SEQUENCE:${first}`, '#EXT-X-MAP:URI="init.mp4"'];
  lines.push("#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6", "#EXT-X-PART-INF:PART-TARGET=0.1");
  segments.forEach((segment, n) => {
    const count = segment === "-" ? 0 : parseInt(segment, 10);
    for (let part = 0; part < count; part++) {
      const independent = part === 0 ? ",INDEPENDENT=YES" : "";
      lines.push(`#EXT-X-PART:DURATION=0.1,URI="${first + n}.${part}"${independent}`);
    }
    if (!segment.endsWith("+")) lines.push("#EXTINF:1,", `${first + n}`);
  });
  if (hint) lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${hint}"`);
  const { media } = parse(lines.join("\n"), URL);
  assert.ok(media);
  return media;
}

/** @param {Piece[]} pieces */
const names = (pieces) => pieces.map(({ uri, hinted }) => uri.split("/").at(-1) + (hinted ? "?" : ""));

test("it begins at the last independent part, and takes the hint", () => {
  const edge = new LiveEdge();
  assert.deepEqual(names(edge.take(list(5, ["-", "4", "2+"], "7.2"))), ["7.0", "7.1", "7.2?"]);
  assert.deepEqual(names(edge.take(list(5, ["-", "4", "3+"], "7.3"))), ["7.3?"], "the hinted part is not taken again");
  assert.deepEqual(names(edge.take(list(6, ["4", "4", "1+"], "8.1"))), ["8.0", "8.1?"], "several came at once");
});

test("without parts it begins at the last segment", () => {
  const edge = new LiveEdge();
  assert.deepEqual(names(edge.take(list(3, ["-", "-", "-"]))), ["5"]);
  assert.deepEqual(names(edge.take(list(3, ["-", "-", "-"]))), []);
  assert.deepEqual(names(edge.take(list(4, ["-", "-", "-", "-"]))), ["6", "7"]);
});

test("a hint for the next segment", () => {
  const edge = new LiveEdge();
  edge.take(list(5, ["3"]));
  assert.deepEqual(names(edge.take(list(5, ["3"], "6.0"))), ["6.0?"]);
  assert.deepEqual(names(edge.take(list(5, ["3", "2+"], "6.2"))), ["6.1", "6.2?"]);
});

test("a hint for the first part of the segment behind the open one", () => {
  const edge = new LiveEdge();
  assert.deepEqual(names(edge.take(list(5, ["2+"], "6.0"))), ["5.0", "5.1", "6.0?"]);
  assert.deepEqual(names(edge.take(list(5, ["2", "1+"], "6.1"))), ["6.1?"], "it is not taken again");
  assert.deepEqual(names(edge.take(list(5, ["2", "2+"], "7.0"))), ["7.0?"]);
  assert.deepEqual(names(edge.take(list(6, ["2"], "7.0"))), [], "the segment ends before its successor begins");
  assert.deepEqual(names(edge.take(list(6, ["2", "2+"], "8.0"))), ["7.1", "8.0?"]);
  assert.deepEqual(names(edge.take(list(7, ["3+"], "7.3"))), ["7.2", "7.3?"], "the segment goes on all the same");
});

test("a hint that the list does not keep is replaced", () => {
  const edge = new LiveEdge();
  edge.take(list(5, ["2+"], "other"));
  assert.deepEqual(names(edge.take(list(5, ["3+"], "5.3"))), ["5.2", "5.3?"]);
});

test("a segment that ends without the hinted part goes on with the next", () => {
  const edge = new LiveEdge();
  edge.take(list(5, ["2+"], "5.2"));
  assert.deepEqual(names(edge.take(list(5, ["2", "1+"], "6.1"))), ["6.0", "6.1?"]);
});

test("a hinted part that failed is taken when it is listed", () => {
  const edge = new LiveEdge();
  const hinted = edge.take(list(5, ["2+"], "5.2")).at(-1);
  assert.ok(hinted?.hinted);
  edge.hintFailed(hinted);
  assert.deepEqual(names(edge.take(list(5, ["4+"]))), ["5.2", "5.3"]);
  edge.hintFailed(hinted);
  assert.deepEqual(names(edge.take(list(5, ["5+"]))), ["5.4"], "one that fails late changes nothing");
});

test("parts that are gone are taken as a whole segment", () => {
  const edge = new LiveEdge();
  edge.take(list(5, ["2+"]));
  assert.deepEqual(names(edge.take(list(5, ["-", "4", "1+"]))), ["5", "6.0", "6.1", "6.2", "6.3", "7.0"]);
});

test("it begins again where the list has moved on, or started anew", () => {
  const edge = new LiveEdge();
  edge.take(list(5, ["2+"]));
  assert.deepEqual(names(edge.take(list(90, ["-", "2+"]))), ["91.0", "91.1"]);
  assert.deepEqual(names(edge.take(list(0, ["-", "1+"]))), ["1.0"]);
});

test("pieces know the date of their start", () => {
  const edge = new LiveEdge();
  const now = list(5, ["2+"], "5.2");
  for (const segment of now.segments) segment.dateMs = 1000;
  assert.deepEqual(edge.take(now).map(({ dateMs }) => dateMs), [1000, 1100, 1200]);
});

test("what a reload asks for", () => {
  assert.deepEqual(nextPart(list(5, ["-", "3+"])), { sequence: 6, part: 3 });
  assert.deepEqual(nextPart(list(5, ["-", "3"])), { sequence: 7, part: 0 });
  assert.deepEqual(nextPart(list(5, [])), { sequence: 5, part: 0 });
  const expected = "http://h/cam/index.m3u8?token=a&_HLS_msn=6&_HLS_part=3";
  assert.equal(reloadUrl(URL, list(5, ["-", "3+"]), false), expected);
  assert.equal(reloadUrl(URL, list(5, ["-", "3+"]), true), `${expected}&_HLS_skip=YES`);
  assert.equal(firstPartUrl(URL), "http://h/cam/index.m3u8?token=a&_HLS_msn=0&_HLS_part=0");
  const plain = { ...list(5, ["-"]), canBlockReload: false, canSkipUntilS: null };
  assert.equal(reloadUrl(URL, plain, true), URL);
});

test("a stream of one-frame parts is taken whole, in order, each once", () => {
  const edge = new LiveEdge();
  const taken = [];
  for (let frame = 3; frame < 100; frame++) {
    const [segment, part] = [Math.floor(frame / 10), frame % 10];
    const segments = segment > 0 ? ["10", `${part}+`] : [`${part}+`];
    taken.push(...names(edge.take(list(Math.max(segment - 1, 0), segments, `${segment}.${part}`))));
  }
  const expected = Array.from({ length: 100 }, (_, n) => `${Math.floor(n / 10)}.${n % 10}`);
  assert.deepEqual(taken.map((name) => name.replace("?", "")), expected);
});

test("whole segments are played where parts are listed, and no part is asked for", () => {
  const edge = new LiveEdge();
  const take = (/** @type {ReturnType<typeof list>} */ all) => names(edge.take(withoutParts(all)));
  assert.deepEqual(take(list(5, ["-", "4", "2+"], "7.2")), ["6"]);
  assert.deepEqual(take(list(5, ["-", "4", "3+"], "7.3")), []);
  const ended = withoutParts(list(5, ["-", "4", "4", "1+"], "8.1"));
  assert.deepEqual(names(edge.take(ended)), ["7"]);
  assert.equal(reloadUrl(URL, ended, true), `${URL}&_HLS_msn=8&_HLS_skip=YES`, "held back until the segment is whole");
});

test("pieces of a segment behind a discontinuity say so, and the first of a list that begins anew", () => {
  const edge = new LiveEdge();
  const says = (/** @type {Piece[]} */ pieces) => pieces.map(({ discontinuity }) => discontinuity);
  edge.take(list(5, ["1+"]));
  const next = list(5, ["1", "2+"]);
  for (const segment of next.segments.slice(1)) segment.discontinuity = true;
  assert.deepEqual(says(edge.take(next)), [true, true]);
  assert.deepEqual(says(edge.take(list(0, ["2+"]))), [true, false], "the server has begun anew");
});
