// Superpackets on the packet path of a host: cut for peers, left whole for TUNs of the same host.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpv6 } from '../../../src/ip/ipv6-address.ts';
import { SUPERPACKET_REFUSED } from '../../../src/os/tun.ts';
import { NEEDS_CHECKSUM, SuperpacketKind } from '../../../src/os/virtio-header.ts';
import { LISTEN_PORT, Mesh, type MeshInstance } from '../../fakes/mesh.ts';
import { HostNode } from '../../sim/host-node.ts';
import { PERFECT, SimNetwork } from '../../sim/network.ts';
import { buildPacket, verifyPacket } from './transport-packets.ts';

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

/** A TCP superpacket with its header in front. */
function superpacket(from: MeshInstance, to: MeshInstance): Uint8Array {
  const flow = { isIpv4: false, isTcp: true, options: new Uint8Array(0) };
  const payload = new Uint8Array(SEGMENT_BYTES * (SEGMENTS - 1) + 7).fill(5);
  const packet = buildPacket(flow, { sequence: 1, flags: ACK, identification: 0 }, payload);
  packet.set(parseIpv6(from.address)!, 8);
  packet.set(parseIpv6(to.address)!, 24);
  const header = new Uint8Array(10);
  new DataView(header.buffer).setUint16(4, SEGMENT_BYTES, true);
  header.set([NEEDS_CHECKSUM, SuperpacketKind.Tcp6, 60, 0]);
  header.set([40, 0, 16, 0], 6);
  return new Uint8Array(Buffer.concat([header, packet]));
}
