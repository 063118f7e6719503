#!/usr/bin/env bash
# Makes the camera VM's kernel and first file system (initrd) out of Debian's kernel package, in target/camera-vm.
#
# Downloads the package (about 70 MB) where they are not there yet; otherwise does nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/lib.sh

modules=(
    virtio_pci virtio_console        # the command's output leaves the VM here
    9pnet_virtio 9p overlay          # the host's root, read-only, with a writable layer above it
    vivid                            # the kernel's virtual camera
    vhci-hcd uvcvideo                # a USB bus that a program can plug cameras into, and the driver of USB cameras
)

out=$(mkdir -p "$(target_dir)/camera-vm" && realpath "$(target_dir)/camera-vm")
here=$PWD/tests/camera-vm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

main() {
    if [ -s "$out/initrd" ] && [ -s "$out/kernel" ] && [ "$out/initrd" -nt "$here/init" ] && [ "$out/initrd" -nt "$here/prepare.sh" ]; then
        return 0
    fi
    say "making the camera VM's kernel and initrd in $out"
    unpack_kernel_package
    version=$(ls "$work/package/lib/modules")
    depmod -b "$work/package" "$version"
    extract_kernel
    make_initrd
}

kernel_package() {
    apt-cache depends "linux-image-$(dpkg --print-architecture)" 2>/dev/null | awk '/Depends: linux-image/ { print $2; exit }'
}

unpack_kernel_package() {
    [ "$(dpkg --print-architecture)" = amd64 ] || die "the camera VM emulates a PC: its kernel is there for amd64 only"
    local name
    name=$(kernel_package)
    if [ -z "$name" ]; then
        as_root apt-get update -qq # the lists of a fresh image are empty
        name=$(kernel_package)
    fi
    [ -n "$name" ] || die "apt knows no linux-image package to boot the camera VM with"
    (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "$name")
    mkdir "$work/package"
    dpkg-deb --fsys-tarfile "$work"/*.deb | tar -x -C "$work/package" ./boot ./lib/modules
}

# The package's kernel unpacks itself when it boots, which takes seconds in emulation: unpack it here instead.
extract_kernel() {
    local image=$work/package/boot/vmlinuz-$version offset
    offset=$(LC_ALL=C grep -abom1 $'\xfd7zXZ' "$image" | cut -d: -f1 || true)
    if [ -n "$offset" ]; then
        tail -c +$((offset + 1)) "$image" | xz -dc >"$out/kernel" 2>/dev/null || true # bytes after the archive are no error
    fi
    [ -s "$out/kernel" ] || cp "$image" "$out/kernel"
}

make_initrd() {
    local root=$work/root tree=lib/modules/$version applet module file
    mkdir -p "$root"/{bin,proc,sys,dev,lower,upper,new} "$root/$tree"
    cp "$(command -v busybox)" "$root/bin/busybox"
    for applet in sh mount mkdir modprobe chroot poweroff; do
        ln -s busybox "$root/bin/$applet"
    done
    for module in "${modules[@]}"; do
        modprobe -d "$work/package" -S "$version" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
    done | sort -u | while read -r file; do
        (cd "$work/package" && cp --parents "$tree/${file#*/"$tree"/}" "$root")
    done
    cp "$work/package/$tree"/modules.{order,builtin,builtin.modinfo} "$root/$tree"
    depmod -b "$root" "$version"
    install -m 755 "$here/init" "$root/init"
    (cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$out/initrd.new"
    mv "$out/initrd.new" "$out/initrd"
}

PATH=$PATH:/usr/sbin:/sbin # depmod and modprobe, for users other than root
main
