#!/usr/bin/env bash
# The test command: check, unit, simulation and end-to-end tests, closing with node's own summary.
#   test.sh [check|unit|e2e]      one part; all of them without an argument
# Without root the end-to-end tests cannot run: the script says so and ends with 1, unless a part
# is named.
set -euo pipefail
# shellcheck source=scripts/prepare.sh
source "$(dirname "$0")/prepare.sh"
part=${1:-all}
case $part in all | check | unit | e2e) ;; *) sed -n '2,4p' scripts/test.sh && exit 2 ;; esac
[[ $part == check || $part == unit ]] || require_root test.sh
if [[ $part == all || $part == e2e ]]; then
  require_programs etcd=etcd-server etcdctl=etcd-client \
    ip=iproute2 ping=iputils-ping wg=wireguard-tools wireguard-go=wireguard-go \
    tcpdump=tcpdump dig=bind9-dnsutils unshare=util-linux ncat=ncat pkill=procps \
    kdig=knot-dnsutils iperf3=iperf3 gcc=gcc musl-gcc=musl-tools python3=python3
fi
build
[[ $part == unit || $part == e2e ]] || scripts/check.sh
[[ $part == check ]] && exit 0

# Compiled tests without a source left over from an older build are not run.
tests() { # FIND-ARGUMENTS
  find dist/test "$@" | sort | while read -r test; do
    local source=${test#dist/}
    [[ -f ${source%.js}.ts ]] && echo "$test"
  done
}
mapfile -t files < <(tests -name '*.test.js' -not -path '*/house/*' -not -path '*/e2e/*' \
  -not -path '*/long/*')
# The units of a folder share a process: one for each file would start Node.js and load the same
# modules two hundred times, which takes longer than most of them do. Hooks at the top of a file
# would be those of all, so a file that has some keeps a process of its own.
rm -rf dist/units && mkdir dist/units
units=()
for test in "${files[@]}"; do
  path=${test#dist/} folder=${test#dist/test/}
  if grep -qE '^(before|after)(Each)?\(' "${path%.js}.ts"; then
    units+=("$test")
  else
    echo "import '../$path';" >>"dist/units/${folder%%/*}.test.js"
  fi
done
units+=(dist/units/*.test.js)
mapfile -t end_to_end < <(tests -path '*/e2e/*' -name '*.test.js')
case $part in
  unit) exec node --test "${units[@]}" ;;
  # End-to-end tests make namespaces and daemons: few at a time, so that none waits for a core.
  e2e) exec node --test --test-concurrency=2 "${end_to_end[@]}" ;;
  *) exec node --test --test-concurrency=2 "${end_to_end[@]}" "${units[@]}" ;;
esac
