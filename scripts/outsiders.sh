#!/usr/bin/env bash
# Those who read a report's files in the tests without being ours, into the target folder:
#
#   outsiders/HdrHistogram.jar     its log processor reads latency.hlog (Maven Central)
#   outsiders/python               jsonschema validates run.json, hdr-plot parses latency.hgrm (PyPI)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

histogram=2.2.2
need_packages "the tests (HdrHistogram's log processor)" default-jre-headless maven python3-venv

out=$(mkdir -p "$(target_dir)/outsiders" && realpath "$(target_dir)/outsiders")
if [ ! -f "$out/HdrHistogram.jar" ]; then
    say "fetching HdrHistogram $histogram"
    mvn --quiet --batch-mode org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
        -Dartifact="org.hdrhistogram:HdrHistogram:$histogram" -DoutputDirectory="$out" >&2
    mv "$out/HdrHistogram-$histogram.jar" "$out/HdrHistogram.jar"
fi
made=$out/python/made-of
if ! cmp --quiet scripts/requirements-outsiders.txt "$made"; then
    say "making $out/python"
    rm -rf "$out/python"
    python -m venv "$out/python"
    "$out/python/bin/pip" install --quiet --no-compile --disable-pip-version-check -r scripts/requirements-outsiders.txt >&2
    cp scripts/requirements-outsiders.txt "$made"
fi
