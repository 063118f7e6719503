import assert from "node:assert/strict";
import { test } from "node:test";

import { Failure } from "../players/failure.js";
import { MAX_LENGTH, merge, parse } from "../players/playlist.js";
import { attributes, byteRange } from "../players/playlist-tags.js";

const BASE = "http://host/cam/index.m3u8";

/** The example of RFC 8216bis appendix B.1, shortened, with additions that servers write. */
const LOW_LATENCY = `#EXTM3U
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0,CAN-SKIP-UNTIL=12.0
#EXT-X-PART-INF:PART-TARGET=0.33334
#EXT-X-MEDIA-SEQUENCE:266
#EXT-X-MAP:URI="init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2019-02-14T02:13:36.106Z
#EXTINF:4.00008,
fileSequence266.mp4
#EXTINF:4.00008,title, with a comma
fileSequence267.mp4
#EXT-X-DISCONTINUITY
#EXT-X-PART:DURATION=0.33334,URI="filePart268.0.mp4",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.33334,URI="filePart268.1.mp4"
#EXT-X-GAP
#EXTINF:0.66668,
fileSequence268.mp4
#EXT-X-PART:DURATION=0.33334,URI="filePart269.mp4",BYTERANGE="100@0",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.33334,URI="filePart269.mp4",BYTERANGE="200",GAP=YES
#EXT-X-SOMETHING-NEW:A=1
#EXT-X-PRELOAD-HINT:TYPE=MAP,URI="other.mp4"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="filePart269.mp4",BYTERANGE-START=300
#EXT-X-RENDITION-REPORT:URI="../1M/waitForMSN.php",LAST-MSN=269,LAST-PART=1
`;

/** @param {string} text */
function media(text) {
  const list = parse(text, BASE).media;
  assert.ok(list);
  return list;
}

test("a low-latency playlist is read whole", () => {
  const list = media(LOW_LATENCY);
  assert.deepEqual(
    [list.targetDurationS, list.partTargetS, list.mediaSequence, list.canBlockReload, list.canSkipUntilS],
    [4, 0.33334, 266, true, 12],
  );
  assert.deepEqual([list.partHoldBackS, list.holdBackS, list.ended, list.skipped], [1, null, false, 0]);
  assert.deepEqual(list.segments.map((s) => s.sequence), [266, 267, 268, 269]);
  assert.deepEqual(list.segments.map((s) => s.parts.length), [0, 0, 2, 2]);
  assert.deepEqual(list.segments.map((s) => s.gap), [false, false, true, false]);
  const [first, second, third, last] = list.segments;
  const start = Date.parse("2019-02-14T02:13:36.106Z");
  assert.equal(first?.dateMs, start);
  assert.equal(second?.dateMs, start + 4000.08, "counted on");
  assert.equal(third?.dateMs, null, "not beyond a discontinuity");
  assert.equal(first?.uri, "http://host/cam/fileSequence266.mp4");
  assert.deepEqual(first?.map, { uri: "http://host/cam/init.mp4", range: null });
  assert.deepEqual([last?.uri, last?.durationS], [null, 0.66668]);
  assert.deepEqual(last?.parts[1]?.range, { start: 100, length: 200 }, "follows the part before");
  assert.deepEqual([last?.parts[0]?.independent, last?.parts[1]?.gap], [true, true]);
  assert.deepEqual(list.hint, { uri: "http://host/cam/filePart269.mp4", range: { start: 300, length: null } });
});

test("a multivariant playlist gives its variants", () => {
  const text = `#EXTM3U\r
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",URI="audio.m3u8"\r
#EXT-X-STREAM-INF:BANDWIDTH=1280000,CODECS="avc1.42c01e,mp4a.40.2",AUDIO="a"\r
low.m3u8?token=1\r
\r
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=9,URI="frames.m3u8"\r
#EXT-X-STREAM-INF:BANDWIDTH=2560000\r
/mid.m3u8\r
`;
  assert.deepEqual(parse(text, BASE).variants, [
    { uri: "http://host/cam/low.m3u8?token=1", bandwidth: 1_280_000, codecs: "avc1.42c01e,mp4a.40.2" },
    { uri: "http://host/mid.m3u8", bandwidth: 2_560_000, codecs: null },
  ]);
});

test("an old playlist without parts is read", () => {
  const segments = "#EXTINF:2,\na.ts\n#EXTINF:1.5\n#EXT-X-BYTERANGE:10@5\nb.ts";
  const list = media(`#EXTM3U\n#EXT-X-TARGETDURATION:2\n${segments}\n#EXT-X-ENDLIST`);
  assert.deepEqual(list.segments.map((s) => [s.sequence, s.durationS, s.map]), [[0, 2, null], [1, 1.5, null]]);
  assert.deepEqual(list.segments[1]?.range, { start: 5, length: 10 });
  assert.deepEqual([list.canBlockReload, list.hint, list.ended], [false, null, true]);
});

test("what is no playlist is refused", () => {
  const broken = ["", "<html>", "#EXTM3U\n#EXTINF:2,\na.ts", "#EXTM3U\n#EXT-X-TARGETDURATION:-1"];
  for (const text of [...broken, "#EXTM3U".padEnd(MAX_LENGTH + 1)]) {
    assert.throws(() => parse(text, BASE), (e) => e instanceof Failure && e.kind === "format", text.slice(0, 40));
  }
  assert.throws(() => parse("#EXTM3U\n#EXT-X-TARGETDURATION:1\nhttp://[\n", BASE), Failure);
});

test("noise is survived", () => {
  const lines = LOW_LATENCY.split("\n");
  const half = (/** @type {string} */ line) => line.slice(0, line.length / 2);
  const more = (/** @type {string} */ line) => `${line},,=`;
  for (let n = 0; n < lines.length; n++) {
    for (const mangle of [half, more]) {
      const text = lines.map((line, i) => (i === n ? mangle(line) : line)).join("\n");
      try {
        parse(text, BASE);
      } catch (error) {
        assert.ok(error instanceof Failure, String(error));
      }
    }
  }
});

test("attribute lists and byte ranges", () => {
  assert.deepEqual({ ...attributes('A=1,B="x,y=z",C-2=0x1F, D=YES') }, { A: "1", B: "x,y=z", "C-2": "0x1F", D: "YES" });
  assert.deepEqual({ ...attributes("") }, {});
  assert.deepEqual(byteRange("7@9", null), { start: 9, length: 7 });
  assert.deepEqual(byteRange("7", { start: 9, length: 7 }), { start: 16, length: 7 });
  assert.equal(byteRange("x@1", null), null);
});

test("a delta update is joined with the list before", () => {
  const before = media(LOW_LATENCY);
  const update = media(`#EXTM3U
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:267
#EXT-X-SKIP:SKIPPED-SEGMENTS=2
#EXTINF:4,
fileSequence269.mp4
#EXTINF:4,
fileSequence270.mp4
`);
  assert.deepEqual(update.segments.map((s) => s.sequence), [269, 270]);
  const merged = merge(before, update);
  assert.deepEqual(merged?.segments.map((s) => s.sequence), [267, 268, 269, 270]);
  assert.equal(merged?.segments.at(-1)?.map?.uri, "http://host/cam/init.mp4", "the map is that of before");
  assert.equal(merge(null, update), null);
  assert.equal(merge({ ...before, segments: before.segments.slice(2) }, update), null, "a segment is missing");
  assert.equal(merge(null, before), before, "a whole list needs no other");
});
