# Shared by the scripts beside it; to be sourced, not run.
# shellcheck shell=bash

say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Where cargo puts what it builds; tools, peers and the camera VM's kernel go there too, so that one folder holds all that
# can be made again.
target_dir() { printf '%s\n' "${CARGO_TARGET_DIR:-target}"; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "installing Debian packages needs root: run this as root, or install sudo"
    fi
}

installed() { [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# need_packages PURPOSE PACKAGE…: installs the Debian packages that are missing; calls apt-get only then.
need_packages() {
    local purpose=$1 package missing=()
    shift
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        say "no apt-get here: for $purpose, install what your system calls these Debian packages: $*"
        return 0
    fi
    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        return 0
    fi
    say "installing for $purpose: ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# The system's Python: another one on PATH may have no pip. Nothing is installed into it, so pip's advice on root is moot.
export PIP_ROOT_USER_ACTION=ignore
python() {
    if [ -x /usr/bin/python3 ]; then /usr/bin/python3 "$@"; else python3 "$@"; fi
}
