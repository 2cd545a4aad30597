#!/bin/sh
# Installs what the hosts are built and tested with, where it is missing: on Debian, as root or through sudo.
set -eu
missing=
for pair in node:nodejs npm:npm g++:g++ make:make cmake:cmake chromium:chromium strace:strace clang:clang \
  arm-none-eabi-gcc:gcc-arm-none-eabi qemu-system-arm:qemu-system-arm qemu-aarch64:qemu-user \
  aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu riscv64-linux-gnu-gcc:gcc-riscv64-linux-gnu \
  riscv64-unknown-elf-gcc:gcc-riscv64-unknown-elf; do
  command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
# a compiler's C library does not come with it; before Debian 13, QEMU's RISC-V boards are in qemu-system-misc
case $missing in *gcc-arm-none-eabi*) missing="$missing libnewlib-arm-none-eabi" ;; esac
case $missing in *gcc-aarch64-linux-gnu*) missing="$missing libc6-dev-arm64-cross" ;; esac
case $missing in *gcc-riscv64-linux-gnu*) missing="$missing libc6-dev-riscv64-cross" ;; esac
case $missing in *gcc-riscv64-unknown-elf*) missing="$missing picolibc-riscv64-unknown-elf" ;; esac
case $missing in *chromium*) missing="$missing fonts-dejavu-core" ;; esac # a page without fonts has another layout
if ! command -v qemu-system-riscv32 >/dev/null; then
  missing="$missing qemu-system-riscv"
fi
if [ -n "$missing" ]; then
  as_root=
  [ "$(id -u)" = 0 ] || as_root=sudo
  $as_root apt-get update -qq
  case $missing in *qemu-system-riscv*)
    apt-cache show qemu-system-riscv >/dev/null 2>&1 ||
      missing=$(echo "$missing" | sed 's/qemu-system-riscv/qemu-system-misc/') ;;
  esac
  # shellcheck disable=SC2086 # a list of packages
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
"$(dirname "$0")/../providers/tools.sh" # the driver that WebGPU computes in software with
node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major * 100 + +minor < 2019 ? 1 : 0)' || {
  echo "Found Node.js $(node --version), expected 20.19 or newer, as Debian 13 has it." >&2
  exit 3
}
