#!/usr/bin/env bash
# What the build needs beside Rust. Installs what is missing and does nothing where nothing is.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

packages=(
    ca-certificates
    g++           # openh264 (C++) and minifb's scaler
    make
    nasm          # openh264 without its assembly is two to three times slower
    pkg-config
    libclang-dev  # bindgen reads the kernel's V4L2 headers for the camera
    libc6-dev
    linux-libc-dev
)
need_packages "the build" "${packages[@]}"

command -v cargo >/dev/null || die "no cargo: install Rust with rustup (https://rustup.rs), then run this again"
