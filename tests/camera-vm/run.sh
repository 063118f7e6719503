#!/usr/bin/env bash
# run.sh [-c vivid|uvc] [-t SECONDS] SHARED_FOLDER COMMAND
#
# Boots the camera VM, runs COMMAND (bash) in SHARED_FOLDER beside the camera, prints its output and ends with its exit code,
# or with 125 where the VM gave none. See README.md.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
vm=$(realpath "${CARGO_TARGET_DIR:-$here/../../target}")/camera-vm

usage() {
    sed -n '2s/^# /usage: /p' "$0" >&2
    exit 125
}

camera=vivid seconds=120
while getopts c:t: option; do
    case $option in
    c) camera=$OPTARG ;;
    t) seconds=$OPTARG ;;
    *) usage ;;
    esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || usage
shared=$(realpath "$1")
shift
if [ ! -s "$vm/initrd" ]; then
    echo "no camera VM in $vm: run tests/camera-vm/prepare.sh" >&2
    exit 125
fi

control=$(mktemp -d)
trap 'rm -rf "$control"' EXIT
cp "$here/guest.sh" "$control/"
printf '%s\n' "$camera" >"$control/camera"
printf '%s\n' "$shared" >"$control/shared"
printf '%s\n' "$*" >"$control/command"
if [ "$camera" = uvc ]; then
    cp "$here/uvc_camera.py" "$control/"
    cp "${MJPEG:?the uvc camera shows the pictures of the file that MJPEG names}" "$control/camera.mjpeg"
fi

share() { # FOLDER TAG [OPTIONS]
    printf -- '-virtfs local,path=%s,mount_tag=%s,security_model=none%s' "${1//,/,,}" "$2" "${3:-}"
}

# shellcheck disable=SC2046 # the folders hold no blanks: mktemp's and cargo's
timeout "$seconds" qemu-system-x86_64 \
    -accel "${CAMERA_VM_ACCEL:-tcg}" -cpu max -M pc -smp 2 -m 1536 \
    -nodefaults -display none -no-reboot -nic none \
    -kernel "$vm/kernel" -initrd "$vm/initrd" -append "console=ttyS0 quiet panic=-1 mitigations=off" \
    -serial "file:$control/console" \
    -device virtio-serial-pci -chardev file,id=output,path=/dev/stdout -device virtserialport,chardev=output \
    $(share / root ,readonly=on,multidevs=remap) $(share "$control" control) $(share "$shared" shared) \
    </dev/null | cat || true

if [ ! -s "$control/exit-code" ]; then
    tail -20 "$control/console" >&2
    echo "the camera VM gave no result within $seconds s" >&2
    exit 125
fi
exit "$(cat "$control/exit-code")"
