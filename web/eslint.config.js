import js from "@eslint/js";

/** Browser globals in use, so that a misspelt one is an error. */
const BROWSER = [
  "AbortController", "AbortSignal", "CustomEvent", "DOMException", "DOMParser", "Event", "EventTarget", "MediaSource",
  "OffscreenCanvas", "Response", "TextDecoder", "TextEncoder", "URL", "URLSearchParams", "VideoFrame", "WebSocket",
  "clearInterval", "clearTimeout", "console", "document", "fetch", "globalThis", "location", "navigator", "performance",
  "setInterval", "setTimeout", "structuredClone", "window",
];
const NODE = ["Buffer", "process"];

/** @param {string[]} names */
const readonly = (names) => Object.fromEntries(names.map((name) => [name, "readonly"]));

export default [
  { ignores: ["node_modules/", "vendor/"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2023, sourceType: "module", globals: readonly(BROWSER) },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "curly": ["error", "multi-line"],
      "eqeqeq": "error",
      "max-len": ["error", { code: 120 }],
      "max-lines": ["error", 300],
      "max-lines-per-function": ["error", { max: 60, skipComments: true, skipBlankLines: true }],
      "no-shadow": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": ["error", { destructuring: "all" }],
      "no-console": "error",
    },
  },
  {
    files: ["test/**", "scripts/**", "*.config.js"],
    languageOptions: { globals: readonly([...BROWSER, ...NODE]) },
    rules: { "no-console": "off" },
  },
];
