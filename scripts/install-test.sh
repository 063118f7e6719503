#!/usr/bin/env bash
# What the tests need beside the build and the demo. Tests install and download nothing themselves: all of it is here.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

peers=(
    gstreamer1.0-tools
    gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
    gstreamer1.0-libav           # avdec_h264
    gstreamer1.0-rtsp            # rtspclientsink
    gir1.2-gst-rtsp-server-1.0   # the RTSP server, driven from Python
    python3 python3-gi python3-pip
)
window=(
    xvfb
    libx11-6 libxcursor1
    ffmpeg                       # x11grab takes the screenshots
)
camera=(
    qemu-system-x86              # see tests/camera-vm/README.md
    busybox-static cpio kmod xz-utils
    v4l-utils
    python3
)
hosts=(
    iproute2                     # two hosts are two network namespaces
)
store=(
    postgresql                   # a server of the test's own; Debian's is not touched
)
need_packages "the tests (RTSP peers, window, camera VM, two hosts, PostgreSQL)" "${peers[@]}" "${window[@]}" "${camera[@]}" "${hosts[@]}" "${store[@]}"
