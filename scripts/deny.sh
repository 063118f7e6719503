#!/usr/bin/env bash
# cargo deny by deny.toml: bans, licences and sources, and advisories where the advisory database can be had.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

if ! cargo deny --version >/dev/null 2>&1; then
    say "installing cargo-deny"
    cargo install --locked cargo-deny
fi

cargo deny --workspace check bans licenses sources

if ! cargo deny --workspace fetch db 2>/dev/null; then
    say "ADVISORIES WERE NOT CHECKED: the advisory database (RustSec) cannot be fetched from here"
    exit 0
fi
cargo deny --workspace check advisories
