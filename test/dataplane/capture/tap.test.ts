// Which packets a capture shows of a packet path over TUNs in memory, and that it shows each once,
// with the verdict that it met.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type CapturedPacket,
  RingReader,
  ringMemory,
} from '../../../src/dataplane/capture/ring.ts';
import { DropReason } from '../../../src/filter/drop-reason.ts';
import { PassRule } from '../../../src/filter/verdict.ts';
import { formatIpv6, parseIpv6 } from '../../../src/ip/ipv6-address.ts';
import { LISTEN_PORT, Mesh, type MeshInstance } from '../../fakes/mesh.ts';
import { packet } from '../../filter/packets.ts';
import { HostNode } from '../../sim/host-node.ts';
import { PERFECT, SimNetwork } from '../../sim/network.ts';

const FOREIGN = 'fdaa:9:9:1:1:9:9:2';

test('a capture of an instance shows what it sends and gets, and what it forges', () => {
  const { node, here, near, other } = makeHost();
  const seen = capture(node, prefixOf(here, 14), [here.config.tun]);
  node.send(here.config.tun, packet(here.address, near.address, 59));
  node.send(near.config.tun, packet(near.address, here.address, 59));
  node.send(here.config.tun, packet(FOREIGN, near.address, 59));
  node.send(other.config.tun, packet(other.address, FOREIGN, 59));
  assert.deepEqual(
    seen().map(({ isPassed, rule, isInbound }) => [isPassed, rule, isInbound]),
    [
      [true, PassRule.Instance, false],
      [true, PassRule.Instance, false],
      [false, DropReason.SourceNotInstance, false],
    ],
  );
});

test('a capture of a network shows nothing of other networks', () => {
  const { node, here, near, other } = makeHost();
  const seen = capture(node, prefixOf(here, 6), []);
  node.send(other.config.tun, packet(other.address, FOREIGN, 59));
  node.send(here.config.tun, packet(here.address, near.address, 59));
  node.send(here.config.tun, packet(here.address, other.address, 59));
  const rules = seen().map(({ isPassed, rule }) => (isPassed ? 'pass' : rule));
  assert.deepEqual(rules, ['pass', DropReason.OtherNetwork]);
});

test('a capture takes as many bytes as are wanted, and nothing after its end', () => {
  const { node, here, near } = makeHost();
  const seen = capture(node, prefixOf(here, 14), [], 64);
  const long = packet(here.address, near.address, 59, new Uint8Array(500));
  node.send(here.config.tun, long);
  const [captured] = seen();
  assert.deepEqual(captured?.bytes, long.subarray(0, 64));
  assert.equal(captured.originalLength, long.length);
  node.engine.capture(undefined);
  node.send(here.config.tun, long);
  assert.deepEqual(seen(), []);
});

function capture(
  node: HostNode,
  prefix: Uint8Array,
  tuns: readonly number[],
  snapLength = 65_536,
): () => CapturedPacket[] {
  const memory = ringMemory();
  const reader = new RingReader(memory);
  node.engine.capture({ prefix, tuns, snapLength, memory });
  return () => {
    const packets: CapturedPacket[] = [];
    for (let one = reader.read(); one !== undefined; one = reader.read()) packets.push(one);
    return packets;
  };
}

function prefixOf({ address }: MeshInstance, bytes: number): Uint8Array {
  const whole = parseIpv6(address);
  assert.ok(whole !== undefined && formatIpv6(whole) === address);
  return whole.subarray(0, bytes);
}

function makeHost(): Record<'here' | 'near' | 'other', MeshInstance> & { readonly node: HostNode } {
  const mesh = new Mesh((n) => new Uint8Array(32).fill(n + 1));
  const address = { address: '198.51.100.1', port: LISTEN_PORT };
  mesh.addHost(address);
  const [here, near, other] = [
    mesh.addInstance(0, 1),
    mesh.addInstance(0, 1),
    mesh.addInstance(0, 2),
  ];
  const node = new HostNode(new SimNetwork(1, PERFECT), { config: mesh.configOf(0), address });
  return { node, here, near, other };
}
