#!/bin/sh
# Installs a software Vulkan driver, where it is missing: Chromium's SwiftShader, and the loader that finds it; on Debian,
# as root or through sudo. (Mesa's lavapipe of Debian 12 is too old for WebGPU.)
set -eu
missing=
[ -e /usr/lib/chromium/vk_swiftshader_icd.json ] || missing="$missing chromium"
ls /usr/lib/*/libvulkan.so.1 >/dev/null 2>&1 || missing="$missing libvulkan1"
if [ -n "$missing" ]; then
  as_root=
  [ "$(id -u)" = 0 ] || as_root=sudo
  $as_root apt-get update -qq
  # shellcheck disable=SC2086 # a list of packages
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
