#!/usr/bin/env bash
# Writes a manual page of one program, from what it says of itself.
set -euo pipefail
program=$1
case $program in
  p6nd) what='the daemon of p6n: private IPv6 networks for the workloads of this host' ;;
  p6nctl) what='control the private IPv6 networks of p6n' ;;
  p6nwg) what='a WireGuard interface in userspace' ;;
esac
printf '.TH %s 8 "" p6n "System administration"\n' "${program^^}"
printf '.SH NAME\n%s \\- %s\n.SH USAGE\n.nf\n' "$program" "$what"
help=$("$(dirname "$0")/../../bin/$program" --help 2>&1 || true)
printf '%s\n' "$help" | sed 's/\\/\\e/g; s/^\./\\\&./; s/-/\\-/g'
printf '.fi\n.SH SEE ALSO\n.I /usr/share/doc/p6n/README.md.gz\n'
