#!/usr/bin/env bash
# The benchmarks, each of which prints its figures in lines, as root and on a machine that does
# nothing else.
#   bench.sh [NAME]...    those that are named; without one, all:
#     stages two-hosts mesh handshakes handshake-burst handshake-flood idle-peers dns propagation
#     scale
set -euo pipefail
# shellcheck source=scripts/prepare.sh
source "$(dirname "$0")/prepare.sh"
require_root bench.sh
all=(stages two-hosts mesh handshakes handshake-burst idle-peers dns propagation scale
  handshake-flood)
(($#)) || set -- "${all[@]}"
for name; do
  [[ " ${all[*]} " == *" $name "* ]] || { sed -n '4,6p' scripts/bench.sh && exit 2; }
done
require_programs ip=iproute2 taskset=util-linux dig=bind9-dnsutils dnsperf=dnsperf unbound=unbound
require_programs wg=wireguard-tools iperf3=iperf3
build
for name; do node "dist/test/bench/$name.js"; done
