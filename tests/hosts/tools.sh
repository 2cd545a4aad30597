#!/bin/sh
# Installs what the hosts are built and tested with, where it is missing: on Debian, as root or through sudo.
set -eu
missing=
for pair in node:nodejs npm:npm g++:g++ make:make cmake:cmake chromium:chromium; do
  command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
[ -z "$missing" ] && exit 0
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
$as_root apt-get update -qq
# shellcheck disable=SC2086 # a list of packages
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
