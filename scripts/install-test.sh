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
pages=(
    chromium fonts-dejavu-core   # report.html
    libxml2-utils                # xmllint: junit.xml
)
browsers=(
    chromium firefox-esr
    vlc-bin vlc-plugin-base      # plays HLS too
)
store=(
    postgresql                   # a server of the test's own; Debian's is not touched
)
need_packages "the tests (RTSP peers, window, camera VM, two hosts, report pages, browsers, PostgreSQL)" \
    "${peers[@]}" "${window[@]}" "${camera[@]}" "${hosts[@]}" "${pages[@]}" "${browsers[@]}" "${store[@]}"

# Prometheus, to scrape a receiver, and promtool. Debian's package would start a service, so only its programs are taken.
prometheus=$(target_dir)/tools/prometheus
if [ ! -x "$prometheus/promtool" ]; then
    rm -rf "$prometheus.new"
    mkdir -p "$prometheus.new"
    if ! { command -v prometheus && command -v promtool; } >/dev/null; then
        say "unpacking Debian's package prometheus into $prometheus"
        apt-cache show prometheus >/dev/null 2>&1 || as_root apt-get update -qq
        (cd "$prometheus.new" && apt-get download -qq -o APT::Sandbox::User=root prometheus >&2 && dpkg-deb --extract prometheus_*.deb . && rm prometheus_*.deb)
        ln -s usr/bin/prometheus usr/bin/promtool "$prometheus.new"
    else
        ln -s "$(command -v prometheus)" "$(command -v promtool)" "$prometheus.new"
    fi
    rm -rf "$prometheus"
    mv "$prometheus.new" "$prometheus"
fi

# What else reads live metrics in the tests, by version and checksum, without touching the system.
requirements=scripts/requirements-metrics.txt
readers=$(target_dir)/tools/metrics-python
if [ ! -e "$readers/made" ] || ! cmp --silent "$requirements" "$readers/made"; then
    say "installing the readers of live metrics into $readers"
    rm -rf "$readers" "$readers.new"
    python -m pip install --quiet --no-deps --require-hashes --target "$readers.new" -r "$requirements" >&2
    cp "$requirements" "$readers.new/made"
    mv "$readers.new" "$readers"
fi
