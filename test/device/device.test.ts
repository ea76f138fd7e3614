// The device's own rules, each by a test: where packets and datagrams end, who may move a peer, and
// what happens under load.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { P6nError } from '../../src/base/errors.ts';
import { DeviceCounter, RECEIVE_COUNTERS } from '../../src/device/counters.ts';
import { SendOutcome } from '../../src/device/ports.ts';
import { NO_PEER } from '../../src/device/routes.ts';
import type { PublicKey, SymmetricKey } from '../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { keyPair } from '../../src/wireguard/identity.ts';
import { DeviceNode, packetBetween } from '../sim/device-node.ts';
import { PERFECT, type SimAddress, SimNetwork, writeEndpoint } from '../sim/network.ts';

const A = address('192.0.2.1');
const B = address('192.0.2.2');
const ELSEWHERE = address('203.0.113.9');
const INITIATION = 1;
const RESPONSE = 2;
const COOKIE_REPLY = 3;
const DATA = 4;

test('Device.sendPackets() says what became of each packet', () => {
  const { network, a, b } = pair();
  const stranger = new DeviceNode(network, { hostNumber: 7, address: ELSEWHERE });
  assert.equal(a.ping(stranger, 1), SendOutcome.NoPeer);
  a.meet(stranger);
  assert.equal(a.ping(stranger, 1), SendOutcome.NoEndpoint);
  assert.equal(a.ping(b, 1), SendOutcome.Staged);
  network.runFor(100);
  assert.equal(a.ping(b, 2), SendOutcome.Sent);
  const { DropNoPeer, DropNoEndpoint, Staged, SentStaged, SentData } = DeviceCounter;
  for (const counter of [DropNoPeer, DropNoEndpoint, Staged, SentStaged]) {
    assert.equal(a.count(counter), 1);
  }
  assert.equal(a.count(SentData), 1);
});

test('Device keeps the newest 128 packets while a handshake lasts', () => {
  const { network, a, b } = pair();
  for (let n = 0; n < 140; n++) a.ping(b, n);
  assert.equal(a.count(DeviceCounter.DropStagingFull), 12);
  network.runFor(100);
  assert.deepEqual(
    b.pings,
    Array.from({ length: 128 }, (_, n) => n + 12),
  );
});

test('Device drops a packet whose source belongs to another peer', () => {
  const { network, a, b } = connected();
  a.sendPacket(packetBetween(b.hostId + 5, b.hostId, 1, 1, 8));
  network.runFor(100);
  assert.equal(b.count(DeviceCounter.DropSourceNotAllowed), 1);
  assert.deepEqual(b.pings, [0]);
});

test('Device drops what is no IP packet inside', () => {
  const { network, a, b } = connected();
  const packet = packetBetween(a.hostId, b.hostId, 1, 1, 8);
  packet[4] = 0xff;
  a.sendPacket(packet);
  network.runFor(100);
  assert.equal(b.count(DeviceCounter.DropInnerMalformed), 1);
});

test('Device drops a repeated data message and one of a wrong tag', () => {
  const { network, a, b } = connected();
  a.ping(b, 1);
  const message = lastSent(a, DATA);
  network.runFor(100);
  b.receive(message, writeEndpoint(A), 0, network.now);
  assert.equal(b.count(DeviceCounter.DropReplayed), 1);
  message[20]! ^= 1;
  b.receive(message, writeEndpoint(A), 0, network.now);
  assert.equal(b.count(DeviceCounter.DropAuthentication), 1);
});

test('Device roams after a true data message, not after a repeated or a false one', () => {
  const { network, a, b } = connected();
  const peer = b.completed[0]!;
  const port = () => b.device.peerStatus(peer)?.endpoint?.address;
  a.link.setConnected(false);
  a.ping(b, 1);
  const message = lastSent(a, DATA);
  const forged = Uint8Array.from(message);
  forged[30]! ^= 1;
  b.receive(forged, writeEndpoint(ELSEWHERE), 0, network.now);
  assert.equal(port(), A.address);
  b.receive(message, writeEndpoint(ELSEWHERE), 0, network.now);
  assert.equal(port(), ELSEWHERE.address);
  b.receive(message, writeEndpoint(B), 0, network.now);
  assert.equal(port(), ELSEWHERE.address, 'a repeated one moves nobody');
  assert.equal(b.roamed.length, 1);
});

test('Device roams after a true initiation and a true response', () => {
  const { network, a, b } = pair();
  a.ping(b, 1);
  const initiation = lastSent(a, INITIATION);
  b.receive(initiation, writeEndpoint(ELSEWHERE), 0x88, network.now);
  assert.deepEqual(b.roamed.length, 1);
  const response = lastSent(b, RESPONSE);
  a.receive(response, writeEndpoint(ELSEWHERE), 0x88, network.now);
  assert.deepEqual(a.roamed.length, 1);
});

test('Device answers and roams nowhere for a message with a wrong mac1', () => {
  const { network, a, b } = pair();
  a.ping(b, 1);
  const initiation = lastSent(a, INITIATION);
  initiation[120]! ^= 1;
  b.sent.length = 0;
  b.receive(initiation, writeEndpoint(ELSEWHERE), 0x88, network.now);
  assert.equal(b.count(DeviceCounter.DropMac1), 1);
  assert.equal(b.sent.length, 0);
  assert.equal(b.roamed.length, 0);
});

test('Device keeps a handshake going when spoofed responses come first', () => {
  const { network, a, b } = pair();
  b.link.setConnected(false);
  a.ping(b, 1);
  const initiation = lastSent(a, INITIATION);
  b.receive(initiation, writeEndpoint(A), 0x88, network.now);
  const response = lastSent(b, RESPONSE);
  const spoofed = Uint8Array.from(response);
  spoofed[50]! ^= 1;
  a.receive(spoofed, writeEndpoint(B), 0x88, network.now);
  assert.equal(a.count(DeviceCounter.DropMac1), 1);
  a.receive(response, writeEndpoint(B), 0x88, network.now);
  assert.equal(a.count(DeviceCounter.ReceivedResponse), 1);
});

test('Device confirms its keys at once, with a staged packet or a keepalive', () => {
  const { network, a, b } = pair();
  a.ping(b, 1);
  network.runFor(100);
  assert.equal(a.count(DeviceCounter.SentKeepalive), 0);
  const idle = pair();
  idle.a.device.removePeer(NO_PEER);
  idle.a.meet(idle.b, { persistentKeepaliveSeconds: 25 });
  idle.network.runFor(100);
  assert.equal(idle.a.count(DeviceCounter.SentKeepalive), 1);
  assert.equal(idle.b.count(DeviceCounter.ReceivedKeepalive), 1);
  assert.equal(idle.b.completed.length, 1);
});

test('Device with persistent keepalive renews a dead tunnel by itself', () => {
  const { network, a, b } = pair();
  a.meet(b, { persistentKeepaliveSeconds: 25 });
  network.runFor(1_000);
  b.link.setConnected(false);
  network.runFor(1_000_000);
  const before = b.completed.length;
  b.link.setConnected(true);
  network.runFor(60_000);
  assert.ok(b.completed.length > before);
});

test('Device under load answers with cookies and lets those with a cookie through', () => {
  const { network, a, b } = pair({ work: 30 });
  a.ping(b, 1);
  network.runFor(100);
  assert.equal(a.pongs.size, 1, 'the first handshake makes the load');
  const c = joining(network, b, 2);
  c.ping(b, 1);
  network.runFor(100);
  assert.equal(b.count(DeviceCounter.DropUnderLoad), 1);
  assert.equal(c.count(DeviceCounter.ReceivedCookieReply), 1);
  assert.equal(c.completed.length, 0, 'it does not start over at once');
  network.runFor(4_800);
  joining(network, b, 3).ping(b, 1);
  network.runFor(500);
  assert.equal(c.completed.length, 1, 'the retransmission, under load again, carries the proof');
  assert.equal(b.count(DeviceCounter.DropUnderLoad), 1);
  joining(network, b, 4).ping(b, 1);
  network.runFor(100);
  assert.equal(b.count(DeviceCounter.DropUnderLoad), 2, 'another one without a cookie');
  const proved = lastSent(c, INITIATION);
  for (let n = 0; n < 10; n++) {
    b.receive(proved, writeEndpoint(address('192.0.2.3')), 0x88, network.now);
  }
  assert.equal(b.count(DeviceCounter.DropInitiationReplayed), 5);
  assert.equal(b.count(DeviceCounter.DropRateLimited), 5, 'a cookie is no licence');
});

test('Device does not roam and arms no timer on a cookie reply', () => {
  const { network, a, b } = pair({ work: 30 });
  a.ping(b, 1);
  network.runFor(100);
  const c = joining(network, b, 2);
  c.link.setConnected(false);
  c.ping(b, 1);
  const deadline = c.device.nextDeadline();
  b.receive(lastSent(c, INITIATION), writeEndpoint(address('192.0.2.3')), 0x88, network.now);
  const reply = lastSent(b, COOKIE_REPLY);
  c.receive(reply, writeEndpoint(ELSEWHERE), 0x88, network.now);
  assert.equal(c.count(DeviceCounter.ReceivedCookieReply), 1);
  assert.equal(c.roamed.length, 0);
  assert.equal(c.device.nextDeadline(), deadline);
  c.receive(reply, writeEndpoint(ELSEWHERE), 0x88, network.now);
  assert.equal(c.count(DeviceCounter.DropCookieReplyInvalid), 1);
});

test('Device that is not under load looks at no mac2', () => {
  const { network, a, b } = pair();
  a.ping(b, 1);
  const initiation = lastSent(a, INITIATION);
  initiation.fill(7, 132);
  b.receive(initiation, writeEndpoint(A), 0x88, network.now);
  assert.equal(b.count(DeviceCounter.ReceivedInitiation), 1);
});

test('Device charges only its own work: a flood of wrong mac1 makes no load', () => {
  const { network, a, b } = pair({ work: 30 });
  a.link.setConnected(false);
  a.ping(b, 1);
  const initiation = lastSent(a, INITIATION);
  const forged = Uint8Array.from(initiation);
  forged[120]! ^= 1;
  for (let n = 0; n < 100; n++) b.receive(forged, writeEndpoint(A), 0x88, network.now);
  b.receive(initiation, writeEndpoint(A), 0x88, network.now);
  assert.equal(b.count(DeviceCounter.ReceivedInitiation), 1);
});

test('Device drops messages to indices that it never gave out', () => {
  const { network, b } = pair();
  const message = new Uint8Array(32);
  message[0] = DATA;
  b.receive(message, writeEndpoint(A), 0, network.now);
  const reply = new Uint8Array(64);
  reply[0] = COOKIE_REPLY;
  b.receive(reply, writeEndpoint(A), 0, network.now);
  assert.equal(b.count(DeviceCounter.DropUnknownIndex), 2);
});

test('Device.installPeer() refuses its own key and updates a known one', () => {
  const { network, a, b } = pair();
  const { now } = network;
  assert.equal(a.device.installPeer({ publicKey: a.publicKey }, now), NO_PEER);
  const peer = a.device.installPeer({ publicKey: b.publicKey }, now);
  assert.equal(a.device.installPeer({ publicKey: b.publicKey }, now), peer);
  assert.equal(a.device.peerStatus(peer)?.endpoint?.address, B.address);
});

test('Device.installPeer() throws for an endpoint that is none', () => {
  const { network, a } = pair();
  const publicKey = new Uint8Array(32).fill(9) as PublicKey;
  const install = () =>
    a.device.installPeer({ publicKey, endpoint: address('example.com') }, network.now);
  assert.throws(install, (error) => error instanceof P6nError && error.code === 'VALUE_INVALID');
});

test('Device.updatePeer() replaces a roamed endpoint only by a new configuration', () => {
  const { network, a, b } = connected();
  const peer = a.completed[0]!;
  const endpoint = () => a.device.peerStatus(peer)?.endpoint?.address;
  b.link.moveTo(ELSEWHERE);
  b.ping(a, 5);
  network.runFor(100);
  assert.equal(endpoint(), ELSEWHERE.address);
  a.device.updatePeer(peer, { publicKey: b.publicKey, endpoint: B }, network.now);
  assert.equal(endpoint(), ELSEWHERE.address, 'it was configured before');
  const other = address('192.0.2.77');
  a.device.updatePeer(peer, { publicKey: b.publicKey, endpoint: other }, network.now);
  assert.equal(endpoint(), other.address);
});

test('Device.removePeer() forgets sessions, staged packets and deadlines', () => {
  const { network, a, b } = connected();
  const peer = a.completed[0]!;
  b.ping(a, 1);
  const message = lastSent(b, DATA);
  a.device.removePeer(peer);
  assert.equal(a.device.peerStatus(peer), undefined);
  assert.equal(a.device.nextDeadline(), Number.POSITIVE_INFINITY);
  a.receive(message, writeEndpoint(B), 0, network.now);
  assert.equal(a.count(DeviceCounter.DropUnknownIndex), 1);
  assert.equal(a.ping(b, 2), SendOutcome.NoPeer);
});

test('Device.removePeer() counts staged packets', () => {
  const { a, b } = pair();
  a.ping(b, 1);
  const peer = a.device.installPeer({ publicKey: b.publicKey }, 1_000 as never);
  a.device.removePeer(peer);
  assert.equal(a.count(DeviceCounter.DropPeerRemoved), 1);
});

test('Device.setPrivateKey() begins anew under the new key and drops a peer that has it', () => {
  const { network, a, b } = connected();
  const renewed = keyPair(NOBLE_CRYPTO, new Uint8Array(32).fill(5));
  const self = a.device.installPeer({ publicKey: renewed.publicKey }, network.now);
  assert.equal(a.device.setPrivateKey(renewed.privateKey), self);
  assert.equal(a.device.peerStatus(self), undefined);
  const peer = b.device.installPeer({ publicKey: renewed.publicKey }, network.now);
  b.routes.setHost(a.hostId, 'next', peer);
  assert.equal(a.ping(b, 3), SendOutcome.Staged, 'the old session sends nothing');
  network.runFor(100);
  assert.ok(a.pongs.has(3));
});

test('Device.setPrivateKey() with the same key leaves sessions alone', () => {
  const { network, a, b } = connected();
  assert.equal(a.device.setPrivateKey(a.keys.privateKey), NO_PEER);
  assert.equal(a.ping(b, 3), SendOutcome.Sent);
  network.runFor(100);
  assert.ok(a.pongs.has(3));
  assert.equal(a.count(DeviceCounter.HandshakesCompleted), 1);
});

test('Device takes a preshared key of both sides', () => {
  const network = new SimNetwork(1, PERFECT);
  const a = new DeviceNode(network, { hostNumber: 0, address: A });
  const b = new DeviceNode(network, { hostNumber: 1, address: B });
  const presharedKey = new Uint8Array(32).fill(3) as SymmetricKey;
  a.meet(b, { endpoint: B, presharedKey });
  b.meet(a, { presharedKey });
  a.ping(b, 1);
  network.runFor(100);
  assert.deepEqual([...a.pongs], [1]);
});

test('Device counts bytes of UDP payload as the kernel does', () => {
  const { network, a, b } = pair();
  for (let n = 0; n < 10; n++) {
    a.ping(b, n, 44);
    network.runFor(100);
  }
  const status = (node: DeviceNode) => node.device.peerStatus(node.completed[0]!)!;
  assert.equal(status(b).receivedBytes, 10 * 128 + 148);
  assert.equal(status(b).sentBytes, 10 * 128 + 92);
  assert.equal(status(a).sentBytes, 10 * 128 + 148);
  assert.equal(status(a).receivedBytes, 10 * 128 + 92);
});

test('Device serves many due peers over several ticks', () => {
  const network = new SimNetwork(1, PERFECT);
  const a = new DeviceNode(network, { hostNumber: 0, address: A });
  for (let n = 0; n < 100; n++) {
    const { publicKey } = keyPair(NOBLE_CRYPTO, new Uint8Array(32).fill(n + 1));
    a.device.installPeer({ publicKey, endpoint: B }, network.now, network.now);
  }
  const initiations = () => a.count(DeviceCounter.SentInitiation);
  assert.equal(initiations(), 100);
  const late = (network.now + 6_000) as never;
  a.device.tick(late);
  assert.equal(initiations(), 132);
  assert.ok(a.device.nextDeadline() <= late, 'more is due');
  for (let n = 0; n < 3; n++) a.device.tick(late);
  assert.equal(initiations(), 200);
  assert.ok(a.device.nextDeadline() > late);
});

test('Device counts each received datagram once', () => {
  const { network, a, b } = connected();
  for (let n = 0; n < 20; n++) a.ping(b, n);
  network.runFor(1_000);
  const { delivered } = network.counts;
  const counted = [a, b].flatMap((node) => RECEIVE_COUNTERS.map((counter) => node.count(counter)));
  assert.equal(
    counted.reduce((sum, one) => sum + one, 0),
    delivered,
  );
});

/** Two devices that know each other; handshakes take `work` milliseconds when it is given. */
function pair(options: { work?: number } = {}): {
  network: SimNetwork;
  a: DeviceNode;
  b: DeviceNode;
} {
  const network = new SimNetwork(1, PERFECT);
  const { work } = options;
  const a = new DeviceNode(network, { hostNumber: 0, address: A });
  const b = new DeviceNode(network, {
    hostNumber: 1,
    address: B,
    ...(work !== undefined && { handshakeWorkMs: work }),
  });
  a.meet(b, { endpoint: B });
  b.meet(a, { endpoint: A });
  return { network, a, b };
}

/** Two devices with a session, after ping 0. */
function connected(): { network: SimNetwork; a: DeviceNode; b: DeviceNode } {
  const all = pair();
  all.a.ping(all.b, 0);
  all.network.runFor(100);
  return all;
}

function joining(network: SimNetwork, host: DeviceNode, hostNumber: number): DeviceNode {
  const node = new DeviceNode(network, {
    hostNumber,
    address: address(`192.0.2.${hostNumber + 1}`),
  });
  host.meet(node);
  node.meet(host, { endpoint: B });
  return node;
}

function lastSent(node: DeviceNode, type: number): Uint8Array {
  const sent = node.sent.filter(({ datagram }) => datagram[0] === type).at(-1);
  if (sent === undefined) throw new Error(`no message of type ${type} was sent`);
  return Uint8Array.from(sent.datagram);
}

function address(text: string): SimAddress {
  return { address: text, port: 51_820 };
}
