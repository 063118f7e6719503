/** Starts Chromium headless with an empty profile. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
];

/** @param {string} url */
export function startChromium(url) {
  const profile = mkdtempSync(join(tmpdir(), "framelag-chromium-"));
  const program = process.env["CHROMIUM"] ?? "chromium";
  const logging = process.env["CHROMIUM_LOG"] ? ["--enable-logging=stderr"] : [];
  const stdio = process.env["CHROMIUM_LOG"] ? "inherit" : "ignore";
  const child = spawn(program, [...FLAGS, ...logging, `--user-data-dir=${profile}`, url], { stdio });
  return {
    async stop() {
      const gone = once(child, "exit");
      child.kill();
      await gone;
      rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}
