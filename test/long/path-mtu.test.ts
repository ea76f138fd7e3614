// TCP and full packets through underlays of every width, without configuration: of 1280 bytes, of
// 1500, of 9000 with larger TUNs, and with a narrow link in the middle that drops in silence.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startTwoHosts, type Underlay, untilListening } from '../e2e/dataplane-pair.ts';
import { joinNamespaces, makeNamespace, SKIP, type TestNamespace } from '../e2e/namespaces.ts';
import { MTU } from '../fakes/mesh.ts';

const OPTIONS = { skip: SKIP, timeout: 60_000 };
const SENT = 'x'.repeat(800_000);

interface Case {
  readonly name: string;
  readonly underlay: Underlay;
  readonly mtu: number;
  /** Of the path that is found: at least, and at most. */
  readonly limits: readonly [number, number];
  readonly isRefused: boolean;
}

const CASES: readonly Case[] = [
  // Less than 1280 fits, so that the datagrams of 1280 are cut.
  { name: '1280', underlay: direct(1280), mtu: MTU, limits: [1280, 1280], isRefused: true },
  { name: '1280 of IPv6', underlay: ipv6(1280), mtu: MTU, limits: [1280, 1280], isRefused: true },
  { name: '1400', underlay: direct(1400), mtu: MTU, limits: [1340, 1340], isRefused: true },
  { name: '1500', underlay: direct(1500), mtu: MTU, limits: [MTU, MTU], isRefused: false },
  { name: '9000', underlay: direct(9000), mtu: 8920, limits: [8920, 8920], isRefused: false },
  {
    name: '1500 for TUNs of 8920',
    underlay: direct(1500),
    mtu: 8920,
    limits: [1440, 1440],
    isRefused: true,
  },
  {
    name: '1500, and 1400 in the middle that drops',
    underlay: dropping(1400),
    mtu: MTU,
    limits: [1325, 1340],
    isRefused: true,
  },
];

for (const { name, underlay, mtu, limits, isRefused } of CASES) {
  test(`path MTU: TCP goes through an underlay of ${name}`, OPTIONS, async (t) => {
    const { hosts, inside, instances } = await startTwoHosts(t, underlay, mtu);
    const [one, other] = inside;
    const target = instances[1].address;
    await one.runAsync(`ping -6 -c 1 -W 10 ${target}`);
    for (const port of [5000, 5001]) {
      const received = other.runAsync(`ncat -l -6 --recv-only ${target} ${port}`);
      await untilListening(() => one.runAsync(`ncat -6 --send-only ${target} ${port}`, SENT));
      assert.equal((await received).length, SENT.length);
    }
    const [peer] = await hosts[0].peers();
    const found = peer?.pathMtu ?? 0;
    assert.ok(found >= limits[0] && found <= limits[1], `${found}`);
    const counters = await hosts[0].counters();
    assert.equal((counters['device_drop_too_big'] ?? 0) > 0, isRefused);
    if (isRefused) assert.match(one.run(`ip -6 route get ${target}`), new RegExp(`mtu ${found}`));
  });
}

function direct(mtu: number): Underlay {
  return {
    addresses: ['10.9.0.1', '10.9.0.2'],
    join: (_t, one, other) => {
      joinNamespaces(one, '10.9.0.1/24', other, '10.9.0.2/24');
      for (const namespace of [one, other]) setLink(namespace, `mtu ${mtu}`);
    },
  };
}

function ipv6(mtu: number): Underlay {
  return {
    addresses: ['2001:db8::1', '2001:db8::2'],
    join: (_t, one, other) => {
      joinNamespaces(one, '2001:db8::1/64', other, '2001:db8::2/64');
      for (const namespace of [one, other]) setLink(namespace, `mtu ${mtu}`);
    },
  };
}

/** A router that forwards IP packets of up to `length` bytes and loses all others. */
function dropping(length: number): Underlay {
  return {
    addresses: ['10.9.1.1', '10.9.2.2'],
    join: (t: TestContext, one, other) => {
      const router = makeNamespace(t, 'r');
      joinNamespaces(one, '10.9.1.1/24', router, '10.9.1.9/24');
      joinNamespaces(other, '10.9.2.2/24', router, '10.9.2.9/24');
      one.run('ip route add default via 10.9.1.9');
      other.run('ip route add default via 10.9.2.9');
      router.run('sysctl -q net.ipv4.ip_forward=1');
      // A run of datagrams crosses a veth pair as one long packet; a wire has no such thing.
      for (const namespace of [one, other]) setLink(namespace, 'gso_max_segs 1');
      router.run(`iptables -A FORWARD -m length --length ${length + 1}: -j DROP`);
    },
  };
}

function setLink(namespace: TestNamespace, setting: string): void {
  for (const { ifname } of JSON.parse(namespace.run('ip -j link show type veth')) as {
    readonly ifname: string;
  }[]) {
    namespace.run(`ip link set ${ifname} ${setting}`);
  }
}
