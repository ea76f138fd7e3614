// Superpackets on the packet path of a host: cut for peers, left whole for TUNs of the same host.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldSum, sumPseudoHeader } from '../../../src/ip/checksum.ts';
import { parseIpv6 } from '../../../src/ip/ipv6-address.ts';
import { SUPERPACKET_REFUSED } from '../../../src/os/tun.ts';
import { NEEDS_CHECKSUM, SuperpacketKind } from '../../../src/os/virtio-header.ts';
import { LISTEN_PORT, Mesh, type MeshInstance } from '../../fakes/mesh.ts';
import { HostNode } from '../../sim/host-node.ts';
import { PERFECT, SimNetwork } from '../../sim/network.ts';
import { buildPacket, resum, verifyPacket } from './transport-packets.ts';

const SEGMENT_BYTES = 1000;
const SEGMENTS = 5;
const ACK = 0x10;

test('between two TUNs of a host a superpacket stays one', () => {
  const { node, here, near } = makeHost();
  const sent = superpacket(here, near);
  node.send(here.config.tun, sent);
  assert.deepEqual(node.tuns.get(near.config.tun)!.superpackets, [sent]);
  assert.equal(node.counters()['packets_to_tuns'], 1);
  assert.equal(node.counters()['packets_from_tuns'], 1);
});

test('a superpacket that a TUN refuses goes to it in segments', () => {
  const { node, here, near } = makeHost();
  const tun = node.tuns.get(near.config.tun)!;
  tun.superpacketError = SUPERPACKET_REFUSED;
  node.send(here.config.tun, superpacket(here, near));
  assert.equal(tun.delivered.length, SEGMENTS);
  for (const packet of tun.delivered) verifyPacket(packet);
  assert.equal(node.counters()['packets_to_tuns'], SEGMENTS);
});

test('a superpacket to a peer is judged once and cut', () => {
  const { node, here, far } = makeHost();
  for (let i = 0; i < 60; i++) node.send(here.config.tun, superpacket(here, far));
  const counters = node.counters();
  assert.equal(counters['packets_from_tuns'], 60);
  assert.equal(counters['segments_from_tuns'], 60 * SEGMENTS);
  assert.equal(counters['device_drop_no_endpoint'], 60 * SEGMENTS);
});

test('a header that is none drops the packet, with one count', () => {
  const { node, here, far } = makeHost();
  const bad = superpacket(here, far);
  bad[6] = 0xff;
  bad[7] = 0xff;
  node.send(here.config.tun, bad);
  assert.equal(node.counters()['drop_superpacket'], 1);
  assert.equal(node.counters()['device_drop_no_endpoint'], 0);
});

test('a checksum that would stand outside of the transport drops the packet', () => {
  const { node, here, far } = makeHost();
  const bad = superpacket(here, far);
  // No superpacket, and the sum would be written into an address.
  bad.set([NEEDS_CHECKSUM, SuperpacketKind.None, 0, 0, 0, 0, 8, 0, 2, 0]);
  node.send(here.config.tun, bad);
  assert.equal(node.counters()['drop_superpacket'], 1);
  assert.equal(node.counters()['device_drop_no_endpoint'], 0);
});

test('a checksum that was left to do is made on the way to a peer', () => {
  const { sender, receiver, here, far, network } = makePair();
  const whole = superpacket(here, far);
  whole[1] = SuperpacketKind.None;
  // What the kernel leaves in the field is the sum of the pseudo header.
  const packet = resum(whole.slice(10));
  const right = packet.slice();
  packet.set(pseudoSum(packet), 56);
  sender.send(here.config.tun, new Uint8Array(Buffer.concat([whole.subarray(0, 10), packet])));
  network.runFor(100);
  assert.deepEqual(receiver.tuns.get(far.config.tun)!.delivered.at(-1), right);
});

test('segments that come together go to a TUN as the superpacket that they were', () => {
  for (const [merges, superpacketError, whole] of [
    [{ tcp: true, udp: true }, 0, true],
    [{ tcp: false, udp: true }, 0, false],
    [{ tcp: true, udp: true }, SUPERPACKET_REFUSED, false],
  ] as const) {
    const { sender, receiver, here, far, network } = makePair();
    const tun = receiver.tuns.get(far.config.tun)!;
    Object.assign(tun.merges, merges);
    tun.superpacketError = superpacketError;
    tun.delivered.length = 0;
    const before = receiver.counters();
    const sent = superpacket(here, far);
    receiver.isBusy = true;
    sender.send(here.config.tun, sent);
    network.runFor(100);
    receiver.takeWaiting(network.now);
    const counters = receiver.counters();
    const counted = (name: string): number => counters[name]! - before[name]!;
    assert.equal(counted('packets_to_tuns'), SEGMENTS);
    assert.equal(counted('segments_to_tuns'), whole ? SEGMENTS : 0);
    assert.equal(tun.delivered.length, whole ? 0 : SEGMENTS);
    for (const packet of tun.delivered) verifyPacket(packet);
    const [merged] = tun.superpackets;
    // All but the checksum's field is as it was read from the other TUN.
    if (whole) assert.ok(Buffer.from(sent).subarray(70).equals(merged!.subarray(70)));
    assert.equal(tun.superpackets.length, whole ? 1 : 0);
  }
});

test('large segments of many superpackets all arrive, in order', () => {
  const { sender, receiver, here, far, network } = makePair();
  const tun = receiver.tuns.get(far.config.tun)!;
  tun.delivered.length = 0;
  const count = 8;
  const { waiting } = sender.tuns.get(here.config.tun)!;
  for (let i = 1; i < count; i++) waiting.push(superpacket(here, far, 8000, i));
  sender.send(here.config.tun, superpacket(here, far, 8000, count));
  network.runFor(100);
  assert.equal(tun.delivered.length, count * SEGMENTS);
  for (const [i, packet] of tun.delivered.entries()) {
    verifyPacket(packet);
    assert.equal(packet[60], 1 + Math.floor(i / SEGMENTS));
  }
});

test('of all segments that go nowhere one is answered', () => {
  const { node, here, far } = makeHost();
  node.send(here.config.tun, superpacket(here, far));
  assert.equal(node.counters()['rejections_to_tuns'], 1);
});

interface Host {
  readonly node: HostNode;
  readonly here: MeshInstance;
  readonly near: MeshInstance;
  readonly far: MeshInstance;
}

/** All TUNs have headers; the other host's place is unknown. */
function makeHost(): Host {
  const mesh = new Mesh((n) => new Uint8Array(32).fill(n + 1));
  const address = { address: '198.51.100.1', port: LISTEN_PORT };
  mesh.addHost(address);
  mesh.addHost();
  const [here, near, far] = [
    mesh.addInstance(0, 1),
    mesh.addInstance(0, 1),
    mesh.addInstance(1, 1),
  ];
  const node = new HostNode(new SimNetwork(1, PERFECT), { config: mesh.configOf(0), address });
  for (const tun of node.tuns.values()) tun.hasHeaders = true;
  return { node, here, near, far };
}

interface Pair {
  readonly sender: HostNode;
  readonly receiver: HostNode;
  readonly here: MeshInstance;
  readonly far: MeshInstance;
  readonly network: SimNetwork;
}

/** Two hosts with a session; all TUNs have headers. */
function makePair(): Pair {
  const mesh = new Mesh((n) => new Uint8Array(32).fill(n + 1));
  const network = new SimNetwork(1, PERFECT);
  const addresses = [1, 2].map((n) => ({ address: `198.51.100.${n}`, port: LISTEN_PORT }));
  for (const address of addresses) mesh.addHost(address);
  const [here, far] = [mesh.addInstance(0, 1), mesh.addInstance(1, 1)];
  const [sender, receiver] = addresses.map(
    (address, n) => new HostNode(network, { config: mesh.configOf(n), address }),
  ) as [HostNode, HostNode];
  sender.ping(here.config.tun, here.address, far.address, 1);
  network.runFor(1_000);
  for (const { tuns } of [sender, receiver]) for (const tun of tuns.values()) tun.hasHeaders = true;
  return { sender, receiver, here, far, network };
}

/** Of the pseudo header of a TCP packet, as two bytes. */
function pseudoSum(packet: Uint8Array): Uint8Array {
  const sum = foldSum(sumPseudoHeader(packet, 0, packet.length - 40, 6));
  return Uint8Array.of(sum >>> 8, sum & 0xff);
}

/** A TCP superpacket with its header in front. */
function superpacket(
  from: MeshInstance,
  to: MeshInstance,
  segmentBytes = SEGMENT_BYTES,
  fill = 5,
): Uint8Array {
  const flow = { isIpv4: false, isTcp: true, options: new Uint8Array(0) };
  const payload = new Uint8Array(segmentBytes * (SEGMENTS - 1) + 7).fill(fill);
  const packet = buildPacket(flow, { sequence: 1, flags: ACK, identification: 0 }, payload);
  packet.set(parseIpv6(from.address)!, 8);
  packet.set(parseIpv6(to.address)!, 24);
  const header = new Uint8Array(10);
  new DataView(header.buffer).setUint16(4, segmentBytes, true);
  header.set([NEEDS_CHECKSUM, SuperpacketKind.Tcp6, 60, 0]);
  header.set([40, 0, 16, 0], 6);
  return new Uint8Array(Buffer.concat([header, packet]));
}
