#!/bin/sh
# Fills a folder (default: build/onnxruntime) with the headers of ONNX Runtime, out of the package libonnxruntime-dev of
# Debian 13 (trixie), and prints its name. Debian 11 and 12 have no such package, hence lists of apt's own for trixie,
# kept in that folder: the system's stay as they are. Needs no root.
set -eu

suite=trixie
folder=${1:-"$(dirname "$0")/build/onnxruntime"}
keys=/usr/share/keyrings/debian-archive-keyring.gpg

if [ -f "$folder/include/onnxruntime/onnxruntime_cxx_api.h" ]; then
    echo "$folder"
    exit
fi

. /etc/os-release
mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' "Created-By: Packages" |
    sed -n "s/^${VERSION_CODENAME:-none} //p" | head -n 1)
if [ "${ID:-}" != debian ] || [ -z "$mirror" ]; then
    echo "headers.sh: found no source of Debian packages under /etc/apt." >&2
    echo "  Unpack a release of ONNX Runtime (1.17 or newer), and call cmake with -DONNXRUNTIME_ROOT=ITS_FOLDER." >&2
    exit 3
fi

mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial"
folder=$(cd "$folder" && pwd)
apt=$folder/apt
echo "deb [signed-by=$keys] $mirror $suite main" > "$apt/sources.list"
apt_get() {
    apt-get -qq -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=- \
        -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt" -o APT::Sandbox::User="$(id -un)" "$@"
}
apt_get update >&2
(cd "$apt" && apt_get download libonnxruntime-dev >&2)
dpkg-deb -x "$apt"/libonnxruntime-dev_*.deb "$apt/package"
# the folder's last entry to appear is the one that the next call looks for
mkdir -p "$folder/include"
mv "$apt/package/usr/include/onnxruntime" "$folder/include/onnxruntime"
rm -rf "$apt"
echo "$folder"
