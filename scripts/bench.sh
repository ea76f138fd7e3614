#!/usr/bin/env bash
# The benchmarks, each of which prints its figures in lines: `npm run bench`, as root and on a
# machine that does nothing else.
set -euo pipefail
# shellcheck source=scripts/prepare.sh
source "$(dirname "$0")/prepare.sh"
require_root bench.sh
require_programs ip=iproute2 taskset=util-linux dig=bind9-dnsutils dnsperf=dnsperf unbound=unbound
build
node dist/test/bench/dns.js
