// Devices on paths that are narrower than their interfaces: what is told to senders, and what goes
// through.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeviceCounter } from '../../src/device/counters.ts';
import {
  CHECK_INTERVAL_MS,
  PATH_LIMIT_MIN,
  SHORTEST_PROBE,
} from '../../src/device/path/path-mtu.ts';
import { SendOutcome } from '../../src/device/ports.ts';
import type { PeerIndex } from '../../src/device/routes.ts';
import { DeviceNode, MTU, packetBetween } from './device-node.ts';
import { PERFECT, type SimAddress, SimNetwork } from './network.ts';

/** WireGuard's header and tag, those of UDP and IPv4. */
const OVERHEAD = 60;
const OVERHEAD_IPV6 = 80;
/** WireGuard's header and tag. */
const MESSAGE_BYTES = 32;
const IPV6_HEADER_BYTES = 40;

test('Device probes a path once where all fits', () => {
  const { network, a, b } = pair(MTU + OVERHEAD);
  sendFor(a, b, network, 10_000);
  // One of its own, and the answer to that of the other.
  for (const node of [a, b]) {
    assert.equal(node.count(DeviceCounter.SentProbe), 2);
    assert.equal(node.count(DeviceCounter.ReceivedProbe), 2);
  }
  assert.equal(a.count(DeviceCounter.DropTooBig), 0);
  assert.equal(pathMtu(a), MTU);
  // Behind the probe of either the answer of the other, as short as can be.
  const lengths = [...a.sent, ...b.sent].map(({ datagram }) => datagram.length);
  assert.equal(lengths.filter((length) => length === MESSAGE_BYTES + SHORTEST_PROBE).length, 2);
});

test('Device takes what the system knows of a path over IPv6 for what it carries there', () => {
  const known = 1_400;
  const { network, a, b } = pair(MTU + OVERHEAD, { answersProbes: false }, known, ipv6Address);
  sendFor(a, b, network, 1_000);
  assert.equal(pathMtu(a), known - OVERHEAD_IPV6);
});

test('Device refuses what a silent path loses, and what it lets through fits', () => {
  // Of some the limit that is found is no multiple of 16 and padding would be too long.
  for (const fits of [1_283, 1_318, 1_350, 1_401]) throughNarrow(fits);
});

test('Device finds a path that becomes narrow while it is used', () => {
  const { network, a, b } = pair(MTU + OVERHEAD);
  sendFor(a, b, network, 2_000);
  network.setConditions({ ...PERFECT, mtu: 1_300 + OVERHEAD });
  sendFor(a, b, network, CHECK_INTERVAL_MS + 5_000);
  const limit = pathMtu(a) ?? 0;
  assert.ok(limit <= 1_300 && limit >= PATH_LIMIT_MIN, `${limit}`);
});

test('Device knows nothing of a path where its peer has moved', () => {
  const { network, a, b } = pair(1_350 + OVERHEAD);
  sendFor(a, b, network, 5_000);
  network.setConditions(PERFECT);
  b.link.moveTo(address(9));
  b.ping(a, 1);
  network.runFor(100);
  assert.equal(pathMtu(a), undefined);
  sendFor(a, b, network, 2_000);
  assert.equal(pathMtu(a), MTU);
});

test('Device knows nothing of a path to a place that it was told', () => {
  const { network, a, b } = pair(1_350 + OVERHEAD);
  sendFor(a, b, network, 5_000);
  a.device.setEndpoint(0 as PeerIndex, address(2));
  assert.notEqual(pathMtu(a), undefined);
  a.device.setEndpoint(0 as PeerIndex, address(9));
  assert.equal(pathMtu(a), undefined);
});

test('Device sends no probe to who does not answer any', () => {
  const { network, a, b } = pair(MTU + OVERHEAD, { answersProbes: false }, MTU + OVERHEAD - 70);
  sendFor(a, b, network, 5_000);
  assert.equal(a.count(DeviceCounter.SentProbe), 0);
  assert.equal(pathMtu(a), MTU - 70, 'what the system knows');
});

test('Device asks nothing about paths of small packets', () => {
  const { network, a, b } = pair(MTU + OVERHEAD);
  for (let n = 0; n < 100; n++) {
    a.ping(b, n, PATH_LIMIT_MIN - IPV6_HEADER_BYTES);
    network.runFor(1_000);
  }
  assert.equal(a.count(DeviceCounter.SentProbe) + b.count(DeviceCounter.SentProbe), 0);
});

/** Two hosts behind a path that carries IP packets up to `mtu` and says nothing of others. */
function pair(
  mtu: number,
  settings: { readonly answersProbes: boolean } = { answersProbes: true },
  known = 0,
  addressOf: (last: number) => SimAddress = address,
): { network: SimNetwork; a: DeviceNode; b: DeviceNode } {
  const network = new SimNetwork(1, { ...PERFECT, mtu });
  const a = new DeviceNode(network, { hostNumber: 0, address: addressOf(1), pathMtu: known });
  const b = new DeviceNode(network, { hostNumber: 1, address: addressOf(2), pathMtu: known });
  a.meet(b, { endpoint: addressOf(2), ...settings });
  b.meet(a, { endpoint: addressOf(1), ...settings });
  a.ping(b, 0);
  network.runFor(100);
  return { network, a, b };
}

/** Packets of full size, ten a second. */
function sendFor(a: DeviceNode, b: DeviceNode, network: SimNetwork, ms: number): void {
  for (let passed = 0; passed < ms; passed += 100) {
    a.ping(b, 1, MTU - IPV6_HEADER_BYTES);
    network.runFor(100);
  }
}

function pathMtu(node: DeviceNode): number | undefined {
  return node.device.peerStatus(0 as PeerIndex)?.pathMtu;
}

function ipv6Address(last: number): SimAddress {
  return { address: `2001:db8::${last}`, port: 51_820 };
}

function address(last: number): SimAddress {
  return { address: `192.0.2.${last}`, port: 51_820 };
}

/** Over a path that carries packets of up to `fits` bytes. */
function throughNarrow(fits: number): void {
  const { network, a, b } = pair(fits + OVERHEAD);
  sendFor(a, b, network, 5_000);
  const limit = pathMtu(a) ?? 0;
  assert.ok(limit <= fits && limit > fits - 16, `${limit}`);
  const refused = packetBetween(a.hostId, b.hostId, 1, 1, limit - IPV6_HEADER_BYTES + 1);
  assert.equal(a.sendPacket(refused), SendOutcome.TooBig);
  const headroom = 16;
  const placed = new Uint8Array(headroom + refused.length);
  placed.set(refused, headroom);
  assert.equal(a.device.limitFor(placed, headroom), limit);
  // Padding keeps to the path too: each length up to the limit goes through.
  for (let n = 0; n < 20; n++) a.ping(b, 1_000 + n, limit - IPV6_HEADER_BYTES - n);
  network.runFor(1_000);
  for (let n = 0; n < 20; n++) assert.ok(b.pings.includes(1_000 + n), `${limit - n}`);
}
