#!/bin/sh
# Puts the headers of ONNX Runtime into build/onnxruntime, from Debian's package libonnxruntime-dev.
#
# Debian has it from trixie on. An older Debian is asked for trixie's by the machine's own source, in lists of its own,
# so that nothing of the system changes. Elsewhere, take a release of ONNX Runtime and give CMake -DONNXRUNTIME_ROOT=DIR.
set -eu
cd "$(dirname "$0")"
out=build/onnxruntime
[ -d "$out/include" ] && exit 0
command -v apt-get >/dev/null || {
  echo "headers.sh: no apt-get here; take a release of ONNX Runtime and give CMake -DONNXRUNTIME_ROOT=DIR" >&2
  exit 3
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"

# the first source of a Debian suite: "deb URI suite main" lines, or stanzas of URIs and Suites
uri=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
  sed -n -e 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' -e 's/^URIs: *\([^ ]*\).*/\1/p' |
  grep '/debian/*$' | head -n 1)
[ -n "$uri" ] || { echo "headers.sh: found no Debian source in /etc/apt" >&2; exit 3; }
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri trixie main" >"$work/sources.list"

apt() {
  apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$work/lists" \
    -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root "$@"
}
apt update
(cd "$work" && apt download libonnxruntime-dev)
dpkg-deb -x "$work"/libonnxruntime-dev_*.deb "$work/package"
mkdir -p "$out"
mv "$work/package/usr/include" "$out/include"
