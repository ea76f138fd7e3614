#!/usr/bin/env bash
# The whole of p6n on one machine: two hosts (network namespaces joined by a veth pair, a real p6nd
# in each), two networks, apps with instances on both hosts. Shows that instances of one network
# reach each other by name through an encrypted tunnel and those of the other do not. As root; exits
# with 0 when everything was as it should be.
set -euo pipefail
# shellcheck source=scripts/prepare.sh
source "$(dirname "$0")/prepare.sh"
require_root demo.sh
require_programs ip=iproute2 ping=iputils-ping tcpdump=tcpdump unshare=util-linux pkill=procps
build

one=p6n-demo-$$-1 two=p6n-demo-$$-2
scratch=/tmp/p6n-demo-$$
marker="marker-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')"
started=()

clean_up() {
  local status=$?
  set +e
  trap - EXIT
  # An interrupt may have ended a command first: what it says is the reason of the end then too.
  trap 'interrupted=130' INT
  :
  status=${interrupted:-$status}
  trap '' INT TERM HUP
  if ((status != 0)); then
    echo "FAILED (exit code $status); the ends of the logs:" >&2
    tail -n 5 "$scratch"/*.log >&2 2>/dev/null || true
  fi
  for host in 1 2; do
    on "$host" instances list --here --json 2>/dev/null | instance_ids | while read -r id; do
      on "$host" instances remove --force "$id" >/dev/null 2>&1
    done
  done
  ((${#started[@]})) && kill "${started[@]}" 2>/dev/null
  wait "${started[@]}" 2>/dev/null || true
  # What is left where an instance could not be removed: its supervisor names its state folder, and
  # a server names our folder in a word that it does not read.
  pkill -KILL -f "$scratch/" 2>/dev/null || true
  ip netns del "$one" 2>/dev/null || true
  ip netns del "$two" 2>/dev/null || true
  rm -rf "$scratch"
  exit "$status"
}
trap clean_up EXIT
trap 'interrupted=130; exit 130' INT
trap 'exit 143' TERM HUP
mkdir -m 0700 "$scratch"

# p6nctl of host 1 or 2.
on() { # HOST WORDS...
  local host=$1
  shift
  bin/p6nctl --socket "$scratch/$host.sock" "$@"
}
instance_ids() { # of the listing on standard input
  node -e 'const text = require("node:fs").readFileSync(0, "utf8");
    for (const { id } of text === "" ? [] : JSON.parse(text)) console.log(id)'
}
field() { # JSON-PATH, of the JSON on standard input
  node -e 'let v = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    for (const k of process.argv[1].split(".")) v = v?.[k]; console.log(v ?? "")' "$1"
}
say() { printf '\n== %s\n' "$*"; }
fail() {
  echo "NOT AS IT SHOULD BE: $*" >&2
  exit 1
}
await() { # SECONDS WHAT COMMAND...
  local until=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < until)) || fail "waited in vain for $what"
    sleep 0.1
  done
}

say "Two hosts, joined by a veth pair"
for host in 1 2; do
  name=p6n-demo-$$-$host
  ip netns add "$name"
  ip -n "$name" link set lo up
done
ip link add eth0 netns "$one" type veth peer name eth0 netns "$two"
for host in 1 2; do
  name=p6n-demo-$$-$host
  ip -n "$name" address add "192.0.2.$host/24" dev eth0
  ip -n "$name" link set eth0 up
done
ip netns exec "$two" tcpdump -i eth0 -U -w "$scratch/veth.pcap" >"$scratch/tcpdump.log" 2>&1 &
started+=($!)
await 10 "the capture" test -s "$scratch/veth.pcap"
echo "host 1: 192.0.2.1, host 2: 192.0.2.2; a capture runs on the link between them"

start_daemon() { # HOST FLAGS...
  local host=$1
  shift
  # In a session of its own: an interrupt is for this script, which needs p6nd to clean up.
  setsid ip netns exec "p6n-demo-$$-$host" bin/p6nd --state-dir "$scratch/state-$host" \
    --socket "$scratch/$host.sock" --endpoint "192.0.2.$host:51820" "$@" \
    >"$scratch/p6nd-$host.log" 2>&1 &
  started+=($!)
  await 20 "p6nd on host $host" on "$host" status
}
say "p6nd on host 1 founds a site; host 2 joins with an invite"
start_daemon 1 --name one --region ams
on 1 hosts invite --ttl 10m >"$scratch/invite"
start_daemon 2 --name two --region fra --join "$scratch/invite"
on 1 hosts list

say "Two networks, blue and red, with apps"
on 1 apps create web --network blue
on 2 apps create client --network blue
on 1 apps create shop --network red
on 1 networks list

# What an instance of app web runs: a server that answers a line with the marker and its host.
server='const { createServer } = require("node:net");
createServer((s) => s.on("error", () => {}).on("data", (d) =>
  s.end(`${process.env.P6N_REGION} heard ${d}`))).listen(8080, "::")'
# What a client runs: says the marker to a name and prints the answer.
client='const s = require("node:net").connect(8080, process.argv[1]);
s.on("connect", () => s.write(process.argv[2]));
s.on("data", (d) => console.log(`${process.argv[1]} answers: ${d}`));
s.on("error", (e) => { console.error(String(e)); process.exit(1); })'
say "Instances: web and client on both hosts in network blue, shop in network red"
node=$(command -v node)
on 1 instances run --app web --name web-1 --detach -- "$node" -e "$server" "$scratch/"
on 2 instances run --app web --name web-2 --detach -- "$node" -e "$server" "$scratch/"
on 1 instances run --app shop --name shop-1 --detach -- "$node" -e "$server" "$scratch/"
on 1 instances list
web1=$(on 1 instances show web-1 --json | field address)
shop1=$(on 1 instances show shop-1 --json | field address)
web2=$(on 2 instances show web-2 --json | field address)
echo "web-1 is $web1, web-2 is $web2, shop-1 is $shop1"

say "From an instance on host 2: ping and TCP to host 1, by name"
names_both() { # whether host 2 knows an instance of web in both regions
  on 2 instances run --rm --app client -- getent ahostsv6 ams.web.internal | grep -q "$web1"
}
await 15 "the names of host 1 on host 2" names_both
on 2 instances run --rm --app client -- ping -6 -n -c 3 -i 0.2 ams.web.internal
on 2 instances run --rm --app client -- "$node" -e "$client" ams.web.internal "$marker" |
  tee "$scratch/answer"
grep -q "ams heard $marker" "$scratch/answer" || fail "the exchange by TCP"
say "And from host 1 to host 2"
on 1 instances run --rm --app client -- ping -6 -n -c 2 -i 0.2 fra.web.internal
on 1 instances run --rm --app client -- "$node" -e "$client" fra.web.internal "$marker" |
  tee "$scratch/answer"
grep -q "fra heard $marker" "$scratch/answer" || fail "the exchange by TCP"

say "The same names asked from the other network answer nothing"
for name in web.internal ams.web.internal fra.web.internal client.internal; do
  if on 1 instances run --rm --app shop -- getent ahostsv6 "$name"; then
    fail "$name is answered"
  fi
  echo "$name: no answer"
done 2>/dev/null

drops() { # HOST: packets dropped because they would have crossed from one network to another
  on "$1" status --json | field drops.other-network | sed 's/^$/0/'
}
say "A ping to an address of the other network fails at once, with the ICMPv6 error"
before=$(drops 1)
if on 1 instances run --rm --app shop -- ping -6 -n -c 2 -i 0.2 -W 5 "$web1" >"$scratch/ping"; then
  fail "the other network is reachable"
fi
cat "$scratch/ping"
grep -qi 'prohibited' "$scratch/ping" || fail "no ICMPv6 error came"
after=$(drops 1)
echo "dropped for that reason on host 1: $before before, $after after"
((after > before)) || fail "the drop was not counted"
on 1 explain --from "$shop1" --to "$web1" || true

say "What passed the link between the hosts"
sleep 0.5
kill "${started[0]}" && wait "${started[0]}" 2>/dev/null || true
total=$(tcpdump -nr "$scratch/veth.pcap" 2>/dev/null | wc -l)
wireguard='udp port 51820'
# Neighbour discovery and the like (ICMPv6 133 to 137) and MLD (behind a hop-by-hop header) besides.
neighbours='arp or (icmp6 and ip6[40] >= 133 and ip6[40] <= 137) or ip6 proto 0'
others=$(tcpdump -nr "$scratch/veth.pcap" "not ($wireguard) and not ($neighbours)" 2>/dev/null)
tunnel=$(tcpdump -nr "$scratch/veth.pcap" "$wireguard" 2>/dev/null | wc -l)
[[ -z $others ]] || fail "besides WireGuard there was: $others"
if grep -qa "$marker" "$scratch/veth.pcap"; then fail "the marker text is in the capture"; fi
echo "$total packets: $tunnel of WireGuard, the rest ARP, ND and MLD; the text '$marker' in none"
((tunnel > 0)) || fail "no WireGuard at all"

say "All as it should be"
