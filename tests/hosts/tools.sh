#!/bin/sh
# Installs what the hosts are built and tested with, where it is missing: on Debian, as root or through sudo.
set -eu
missing=
for pair in node:nodejs npm:npm g++:g++ make:make cmake:cmake chromium:chromium strace:strace; do
  command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
case $missing in *chromium*) missing="$missing fonts-dejavu-core" ;; esac # a page without fonts has another layout
if [ -n "$missing" ]; then
  as_root=
  [ "$(id -u)" = 0 ] || as_root=sudo
  $as_root apt-get update -qq
  # shellcheck disable=SC2086 # a list of packages
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
"$(dirname "$0")/../providers/tools.sh" # the driver that WebGPU computes in software with
node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major * 100 + +minor < 2019 ? 1 : 0)' || {
  echo "Found Node.js $(node --version), expected 20.19 or newer, as Debian 13 has it." >&2
  exit 3
}
