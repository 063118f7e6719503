#!/usr/bin/env bash
# fuzz.sh [SECONDS] [TARGET…]: fuzzes each parser (all of them by default) for SECONDS (60), starting from the corpus.
# New inputs go to target/fuzz-corpus: what finds something new is added to tests/fuzz/corpus by hand.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

rustup toolchain list | grep -q ^nightly || die "fuzzing needs a nightly toolchain: rustup toolchain install nightly"
if ! cargo fuzz --version >/dev/null 2>&1; then
    say "installing cargo-fuzz"
    cargo install --locked cargo-fuzz
fi

seconds=${1:-60}
targets=("${@:2}")
if [ ${#targets[@]} -eq 0 ]; then
    mapfile -t targets < <(basename -s .rs tests/fuzz/fuzz_targets/*.rs)
fi
grown=$(mkdir -p "$(target_dir)/fuzz-corpus" && realpath "$(target_dir)/fuzz-corpus")
for target in "${targets[@]}"; do
    say "fuzzing $target for $seconds s"
    mkdir -p "$grown/$target"
    cargo +nightly fuzz run --fuzz-dir tests/fuzz "$target" "$grown/$target" "tests/fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -print_final_stats=1
done
