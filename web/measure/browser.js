/** Identifies the browser. */

/** Most specific first: browsers also name those they are compatible with. */
const NAMES = /** @type {const} */ ([
  ["Firefox", /Firefox\/([\d.]+)/],
  ["Edge", /Edg\/([\d.]+)/],
  ["Opera", /OPR\/([\d.]+)/],
  ["Chromium", /(?:Headless)?Chrom(?:e|ium)\/([\d.]+)/],
  ["Safari", /Version\/([\d.]+).* Safari/],
]);

/**
 * @param {string} userAgent
 * @returns {{ name: string, version: string }}
 */
export function browser(userAgent) {
  for (const [name, pattern] of NAMES) {
    const version = pattern.exec(userAgent)?.[1];
    if (version) return { name, version };
  }
  return { name: "unknown", version: "" };
}
