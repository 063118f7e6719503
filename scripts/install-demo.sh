#!/usr/bin/env bash
# What `make demo` needs beside the build: ffmpeg, a window's libraries, real footage.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

packages=(
    ffmpeg                       # reads footage
    libx11-6 libxcursor1         # the receiver's window loads these when it opens
    python3 python3-pip          # fetch the footage
)
need_packages "the demo" "${packages[@]}"
