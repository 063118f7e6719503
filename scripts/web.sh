#!/usr/bin/env bash
# Fetches what web/package-lock.json names, and packs hls.js and dash.js into web/vendor, where the build finds them. With
# arguments it then runs npm with them in web/: `scripts/web.sh run check`.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

node=$(scripts/install-node.sh)
# The package's bin/npm is broken. The scripts of package.json call node by name.
npm() { PATH="$node/bin:$PATH" node "$node/lib/node_modules/npm/bin/npm-cli.js" "$@"; }

cd web
made_of=$(sha256sum package-lock.json scripts/vendor.js)
made=node_modules/.made-of
if [ ! -e vendor/hls.mjs.gz ] || [ ! -e vendor/dash.mjs.gz ] || [ "$made_of" != "$(cat "$made" 2>/dev/null)" ]; then
    say "fetching hls.js, dash.js and the tools of web/ into web/node_modules"
    npm ci --loglevel error --ignore-scripts --no-audit --no-fund >&2
    npm run --loglevel error vendor >&2
    printf '%s\n' "$made_of" >"$made"
fi
if [ $# -gt 0 ]; then
    npm "$@"
fi
