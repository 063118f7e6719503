/**
 * Runs third-party parsers on a folder: m3u8-parser on each `*.m3u8`, mpd-parser on each `*.mpd`, and mp4box on each
 * `*.mp4` with its `*.m4s` files, such as `3.mp4` with `3-segment-7.m4s`. Fails if one of them complains.
 */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";

import { Parser } from "m3u8-parser";
import { Log, createFile } from "mp4box";
import { parse as parseManifest } from "mpd-parser";

const folder = process.argv[2] ?? ".";
const names = readdirSync(folder).sort();
const read = (/** @type {string} */ name) => readFileSync(`${folder}/${name}`);

/** @param {string} name */
function playlist(name) {
  const text = read(name).toString();
  const parser = new Parser();
  // HOLD-BACK must be three target durations, in whole seconds; presets that deviate from the RFC are marked.
  parser.on("warn", ({ message }) => assert.match(message, /clamping HOLD-BACK/, `${name}: ${message}\n${text}`));
  parser.push(text);
  parser.end();
  const { segments, skip, targetDuration, partTargetDuration, serverControl, preloadSegment } = parser.manifest;
  const isDelta = text.includes("#EXT-X-SKIP:");
  assert.equal(Boolean(skip), isDelta, name);
  assert.ok(segments.length > 0 || preloadSegment, `${name} has segments`);
  assert.ok(targetDuration >= 1 && partTargetDuration > 0 && serverControl.canBlockReload, name);
  for (const { uri, duration, map, dateTimeObject } of segments) {
    assert.ok(uri && Math.round(duration) <= targetDuration, `${name}: ${uri} of ${duration} s`);
    assert.ok(isDelta || map.uri, `${name}: ${uri} has a map`);
    assert.ok(isDelta || !Number.isNaN(dateTimeObject.getTime()), `${name}: ${uri} has a date`);
  }
}

/** @param {string} name */
function manifest(name) {
  const options = {
    manifestUri: "http://127.0.0.1/cam/manifest.mpd",
    eventHandler: (/** @type {{ type: string, message: string }} */ { type, message }) => {
      assert.notEqual(type, "warn", `${name}: ${message}`);
    },
  };
  const { playlists, minimumUpdatePeriod } = parseManifest(read(name).toString(), options);
  const [video] = playlists;
  assert.match(video.attributes.CODECS, /^avc1\.42/, name);
  assert.deepEqual(video.attributes.RESOLUTION, { width: 640, height: 480 }, name);
  assert.ok(minimumUpdatePeriod > 0, `${name} is updated`);
}

/**
 * @param {string} init
 * @param {string} media
 * @returns {number} Frames.
 */
function piece(init, media) {
  /** @type {string[]} */
  const complaints = [];
  Log.warn = Log.error = (_, message) => void complaints.push(String(message));
  const file = createFile();
  file.onError = (_, message) => void complaints.push(message);
  let length = 0;
  for (const name of [init, media]) {
    const { buffer, byteOffset, byteLength } = read(name);
    const bytes = buffer.slice(byteOffset, byteOffset + byteLength);
    file.appendBuffer(Object.assign(bytes, { fileStart: length }));
    length += byteLength;
  }
  file.flush();
  // Each chunk has a prft of its own, but mp4box expects one per file.
  assert.deepEqual(complaints.filter((complaint) => !complaint.includes("multiple boxes of type prft")), [], media);
  const { tracks, isFragmented } = file.getInfo();
  assert.ok(isFragmented && tracks.length === 1 && tracks[0]?.codec.startsWith("avc1.42"), media);
  const last = file.boxes.at(-1);
  assert.equal((last?.start ?? 0) + (last?.size ?? 0), length, `${media}: boxes up to its end`);
  assert.ok(!file.boxes.some((box) => box.has_unparsed_data), `${media}: nothing is left over in a box`);
  const samples = file.getTrackSamplesInfo(tracks[0]?.id ?? 0);
  const times = samples.map((sample) => sample.dts);
  assert.ok(samples.length > 0 && times.every((time, i) => i === 0 || time > (times[i - 1] ?? 0)), media);
  return samples.length;
}

const of = (/** @type {string} */ end) => names.filter((name) => name.endsWith(end));
of(".m3u8").forEach(playlist);
of(".mpd").forEach(manifest);
let frames = 0;
for (const init of of(".mp4")) {
  const prefix = init.replace(".mp4", "-");
  for (const media of of(".m4s").filter((name) => name.startsWith(prefix))) frames += piece(init, media);
}
const [playlists, manifests, pieces] = [".m3u8", ".mpd", ".m4s"].map((end) => of(end).length);
console.log(JSON.stringify({ playlists, manifests, pieces, frames }));
