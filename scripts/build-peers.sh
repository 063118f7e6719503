#!/usr/bin/env bash
# Builds the RTSP server on the Go library gortsplib that the tests publish to and play from.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

out=$(mkdir -p "$(target_dir)/peers" && realpath "$(target_dir)/peers")/gortsplib-peer
if [ -x "$out" ] && [ -z "$(find tests/peers/gortsplib -newer "$out" -type f -print -quit)" ]; then
    exit 0
fi
go=$(scripts/install-go.sh)
say "building $out"
# GOTOOLCHAIN=local: with the Go that was found, not with one that it would download.
cd tests/peers/gortsplib
GOTOOLCHAIN=local CGO_ENABLED=0 "$go" build -mod=readonly -buildvcs=false -trimpath -o "$out" .
