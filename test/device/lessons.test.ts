// What other implementations got wrong and ours must not, each named after what it prevents. Most
// such rules stand with their subject; these are about several parts at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeviceCounter } from '../../src/device/counters.ts';
import { innerPacketLength, NO_PACKET } from '../../src/device/inner-packet.ts';
import type { PeerIndex } from '../../src/device/routes.ts';
import { DeviceNode, packetBetween } from '../sim/device-node.ts';
import { PERFECT, type SimAddress, SimNetwork, writeEndpoint } from '../sim/network.ts';

const [INITIATION, RESPONSE, DATA] = [1, 2, 4];

test('a length of 65,535 behind an IPv6 header does not wrap round to a short packet', () => {
  const bytes = new Uint8Array(64);
  bytes[0] = 0x60;
  bytes.set([0xff, 0xff], 4);
  assert.equal(innerPacketLength(bytes, 0, bytes.length), NO_PACKET);
  bytes.set([0xff, 0xd8], 4);
  assert.equal(innerPacketLength(bytes, 0, bytes.length), NO_PACKET, '40 + 65,496 is 2^16');
});

test('an MTU of 0 pads to 16 bytes and divides by nothing', () => {
  const { a, b } = connected();
  a.device.setMtu(0);
  a.sendPacket(packetBetween(a.hostId, b.hostId, 1, 1, 21));
  assert.equal(lastSent(a, DATA).length, 32 + 64);
});

test('a packet longer than the MTU, of which the device has not heard, is sent whole', () => {
  const { network, a, b } = connected();
  a.device.setMtu(1280);
  a.ping(b, 7, 3_000);
  network.runFor(100);
  assert.ok(b.pings.includes(7));
});

test('the first data message, of counter 0, is taken', () => {
  const { a, b } = connected();
  const first = a.sent.find(({ datagram }) => datagram[0] === DATA);
  assert.deepEqual(first?.datagram.subarray(8, 16), new Uint8Array(8));
  assert.deepEqual(b.pings, [0]);
});

test('a retransmitted initiation has a fresh ephemeral key, index and timestamp', () => {
  const { network, a, b } = pair();
  a.link.setConnected(false);
  a.ping(b, 0);
  const first = lastSent(a, INITIATION);
  network.runFor(6_000);
  const second = lastSent(a, INITIATION);
  for (const [from, to] of [
    [4, 8],
    [8, 40],
    [88, 116],
  ] as const) {
    assert.notDeepEqual(first.subarray(from, to), second.subarray(from, to));
  }
});

test('handshakes that fail leave no receiver index behind', () => {
  const { network, a, b } = pair();
  a.link.setConnected(false);
  for (let n = 0; n < 5; n++) {
    a.ping(b, n);
    network.runFor(700_000);
  }
  a.link.setConnected(true);
  a.ping(b, 9);
  network.runFor(1_000);
  const answers = b.sent.filter(({ datagram }) => datagram[0] === RESPONSE);
  assert.equal(answers.length, 1);
  // A late answer to any but the last handshake meets nothing.
  const old = Uint8Array.from(answers[0]!.datagram);
  a.receive(old, writeEndpoint(address(2)), 0, network.now);
  const { DropUnknownIndex, DropResponseInvalid, DropMac1 } = DeviceCounter;
  const refused = [DropUnknownIndex, DropResponseInvalid, DropMac1].map((one) => a.count(one));
  assert.equal(
    refused.reduce((sum, count) => sum + count, 0),
    1,
  );
});

test('idle peers do not answer each other keepalives for ever', () => {
  const { network, a, b } = connected();
  network.runFor(30_000);
  const before = a.sent.length + b.sent.length;
  network.runFor(100_000);
  assert.equal(a.sent.length + b.sent.length, before);
});

test('a type with a reserved byte that is not zero is no message', () => {
  const { network, a, b } = connected();
  a.ping(b, 1);
  const message = lastSent(a, DATA);
  for (const at of [1, 2, 3]) {
    const changed = Uint8Array.from(message);
    changed[at] = 1;
    b.receive(changed, writeEndpoint(address(1)), 0, network.now);
  }
  assert.equal(b.count(DeviceCounter.DropMalformed), 3);
});

test('the time of the last handshake is that of a session which both sides have proved', () => {
  const { network, a, b } = pair();
  b.link.setConnected(false);
  a.ping(b, 1);
  b.receive(lastSent(a, INITIATION), writeEndpoint(address(1)), 0, network.now);
  assert.equal(b.count(DeviceCounter.SentResponse), 1);
  assert.equal(b.device.peerStatus(0 as PeerIndex)?.lastHandshakeAt, undefined);
});

test('a response that comes at once is taken, not put down to a flood', () => {
  const { network, a, b } = pair();
  for (const node of [a, b]) node.link.setConnected(false);
  a.ping(b, 1);
  b.receive(lastSent(a, INITIATION), writeEndpoint(address(1)), 0, network.now);
  a.receive(lastSent(b, RESPONSE), writeEndpoint(address(2)), 0, network.now);
  assert.equal(a.count(DeviceCounter.HandshakesCompleted), 1);
});

test('handshakes that are many but no load get no cookie', () => {
  const { network, a, b } = pair();
  for (let n = 0; n < 110; n++) {
    a.device.forgetSessions(network.now);
    a.ping(b, n);
    network.runFor(200);
  }
  assert.ok(b.count(DeviceCounter.ReceivedInitiation) >= 110);
  assert.equal(b.count(DeviceCounter.SentCookieReply), 0);
});

test('peers that begin at once and talk both ways do not storm each other', () => {
  const { network, a, b } = pair();
  for (let second = 0; second < 100; second++) {
    a.ping(b, second);
    b.ping(a, second);
    network.runFor(1_000);
  }
  for (const node of [a, b]) assert.ok(node.count(DeviceCounter.SentInitiation) <= 1);
});

test('an initiation from a stranger leaves no peer and no index behind', () => {
  const { network, b } = pair();
  for (let n = 2; n < 22; n++) {
    const stranger = new DeviceNode(network, { hostNumber: n, address: address(n) });
    stranger.meet(b, { endpoint: address(2) });
    stranger.ping(b, n);
    network.runFor(30);
  }
  assert.equal(b.count(DeviceCounter.DropUnknownPeer), 20);
  assert.equal(b.count(DeviceCounter.SentResponse), 0);
  assert.equal(b.device.peerStatus(1 as PeerIndex), undefined);
});

function pair(): { network: SimNetwork; a: DeviceNode; b: DeviceNode } {
  const network = new SimNetwork(1, PERFECT);
  const a = new DeviceNode(network, { hostNumber: 0, address: address(1) });
  const b = new DeviceNode(network, { hostNumber: 1, address: address(2) });
  a.meet(b, { endpoint: address(2) });
  b.meet(a, { endpoint: address(1) });
  return { network, a, b };
}

function connected(): ReturnType<typeof pair> {
  const all = pair();
  all.a.ping(all.b, 0);
  all.network.runFor(100);
  return all;
}

function lastSent(node: DeviceNode, type: number): Uint8Array {
  const sent = node.sent.filter(({ datagram }) => datagram[0] === type).at(-1);
  if (sent === undefined) throw new Error(`no message of type ${type} was sent`);
  return Uint8Array.from(sent.datagram);
}

function address(last: number): SimAddress {
  return { address: `192.0.2.${last}`, port: 51_820 };
}
