/** The players by name. Each is loaded on demand: hls.js and dash.js are large. */

/** @import { Start } from "./player.js" */

/** @type {Record<string, () => Promise<{ start: Start }>>} */
const PLAYERS = {
  "hls.js": () => import("./hlsjs.js"),
  "dash.js": () => import("./dashjs.js"),
  native: () => import("./native.js"),
  mse: () => import("./mse.js"),
  own: () => import("./own.js"),
};

export const PLAYER_NAMES = Object.keys(PLAYERS);

/**
 * @param {string} name
 * @returns {Promise<Start>}
 */
export async function load(name) {
  const player = PLAYERS[name];
  if (!player) throw new Error(`${name} is no player: there are ${PLAYER_NAMES.join(", ")}`);
  return (await player()).start;
}
