/**
 * Writes the libraries that the pages import into `vendor/`, gzipped, with their licences, to be embedded in a build.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const ROOT = new URL("../", import.meta.url);
/** @type {[string, string][]} */
const FILES = [
  ["hls.js/dist/hls.min.mjs", "hls.mjs"],
  ["hls.js/LICENSE", "hls.LICENSE"],
  ["dashjs/dist/modern/esm/dash.all.min.js", "dash.mjs"],
  ["dashjs/LICENSE.md", "dash.LICENSE"],
];
const SOURCE_MAP = /\n\/\/# sourceMappingURL=.*\s*$/;

mkdirSync(new URL("vendor/", ROOT), { recursive: true });
for (const [from, to] of FILES) {
  const text = readFileSync(new URL(`node_modules/${from}`, ROOT), "utf8").replace(SOURCE_MAP, "\n");
  const packed = gzipSync(text, { level: 9 });
  writeFileSync(new URL(`vendor/${to}.gz`, ROOT), packed);
  console.log(`vendor/${to}.gz: ${packed.length} bytes`);
}
