#!/usr/bin/env bash
# Those who read the files of reports and sweeps in the tests without being ours, into the target folder, each by checksum:
#
#   outsiders/HdrHistogram.jar     its log processor reads latency.hlog (Maven Central)
#   outsiders/python               jsonschema validates run.json and tune.json, hdr-plot parses latency.hgrm, pandas reads
#                                  tune.csv, m3u8 reads playlists (PyPI)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

histogram=2.2.2
sum=22d1d4316c4ec13a68b559e98c8256d69071593731da96136640f864fa14fad8
need_packages "the tests (HdrHistogram's log processor)" default-jre-headless maven python3-venv

out=$(mkdir -p "$(target_dir)/outsiders" && realpath "$(target_dir)/outsiders")
ours() { printf '%s  %s\n' "$sum" "$1" | sha256sum --check --status 2>/dev/null; }
if ! ours "$out/HdrHistogram.jar"; then
    say "fetching HdrHistogram $histogram"
    mvn --quiet --batch-mode org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
        -Dartifact="org.hdrhistogram:HdrHistogram:$histogram" -DoutputDirectory="$out" >&2
    fetched=$out/HdrHistogram-$histogram.jar
    ours "$fetched" || die "$fetched is not the file that this script names by its checksum"
    mv "$fetched" "$out/HdrHistogram.jar"
fi
requirements=scripts/requirements-outsiders.txt
if ! cmp --quiet "$requirements" "$out/python/made-of"; then
    say "making $out/python"
    rm -rf "$out/python"
    python -m venv "$out/python"
    "$out/python/bin/pip" install --quiet --no-compile --disable-pip-version-check --require-hashes --only-binary :all: \
        -r "$requirements" >&2
    cp "$requirements" "$out/python/made-of"
fi
