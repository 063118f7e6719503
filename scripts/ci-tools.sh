#!/usr/bin/env bash
# Makes the Python environment target/ci-tools, with what checks the workflow files of docs/ci.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

need_packages "the tests of the workflow files" python3 python3-pip python3-venv

folder=$(target_dir)/ci-tools
requirements=scripts/requirements-ci.txt
if [ -x "$folder/bin/check-jsonschema" ] && cmp --quiet "$requirements" "$folder/made-of"; then
    exit 0
fi
say "installing check-jsonschema into $folder"
rm -rf "$folder"
python -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --require-hashes --only-binary :all: -r "$requirements" >&2
cp "$requirements" "$folder/made-of"
