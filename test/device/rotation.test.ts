// Timers and the rotation of keys between two devices under a virtual clock, each rule in both
// roles: `a` was the initiator of the session, `b` the responder (the paper, section 6).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeviceCounter } from '../../src/device/counters.ts';
import { SendOutcome } from '../../src/device/ports.ts';
import { DeviceNode, packetBetween } from '../sim/device-node.ts';
import { PERFECT, type SimAddress, SimNetwork, writeEndpoint } from '../sim/network.ts';

const DATA = 4;
/** A packet that nobody answers. */
const SILENT = 9;
const JITTER_MS = 333;
/** More than a message takes. */
const MOMENT_MS = 100;

type Role = 'initiator' | 'responder';
const ROLES: readonly Role[] = ['initiator', 'responder'];

for (const role of ROLES) {
  const initiates = role === 'initiator';

  test(`a session of 120 s is renewed by sending, by its initiator: ${role}`, () => {
    const { network, node, other } = connected(role);
    const before = initiationsOf(node);
    network.runFor(119_000);
    send(node, other);
    network.runFor(MOMENT_MS);
    assert.equal(initiationsOf(node), before);
    network.runFor(2_000);
    send(node, other);
    network.runFor(MOMENT_MS);
    assert.equal(initiationsOf(node) - before, initiates ? 1 : 0);
  });

  test(`a session of 165 s is renewed by receiving, once, by its initiator: ${role}`, () => {
    const { network, node, other } = connected(role);
    network.runFor(163_000);
    const before = initiationsOf(node);
    // Nothing else arrives: the other side may want to renew the session too.
    node.link.setConnected(false);
    receiveFrom(other, node, network);
    assert.equal(initiationsOf(node), before);
    network.runFor(2_500);
    receiveFrom(other, node, network);
    receiveFrom(other, node, network);
    assert.equal(initiationsOf(node) - before, initiates ? 1 : 0);
  });

  test(`a session sends until it is 180 s old and not beyond: ${role}`, () => {
    const { network, node, other } = connected(role);
    node.link.setConnected(false);
    network.runFor(179_000);
    assert.equal(send(node, other), SendOutcome.Sent);
    network.runFor(1_200);
    assert.equal(send(node, other), SendOutcome.Staged);
  });

  test(`a session receives until it is 180 s old and not beyond: ${role}`, () => {
    const { network, node, other } = connected(role);
    const late = [1, 2].map(() => sealedBy(other, node));
    const expired = (): number => node.count(DeviceCounter.DropKeyExpired);
    node.link.setConnected(false);
    network.runFor(179_000);
    node.receive(late[0]!, endpointOf(other), 0, network.now);
    assert.equal(expired(), 0);
    network.runFor(1_200);
    node.receive(late[1]!, endpointOf(other), 0, network.now);
    assert.equal(expired(), 1);
  });

  test(`a new session leaves the one before to what is still on its way: ${role}`, () => {
    const { network, a, b, node, other } = connected(role);
    const late = sealedBy(other, node);
    network.runFor(121_000);
    send(a, b);
    network.runFor(MOMENT_MS);
    assert.equal(a.count(DeviceCounter.HandshakesCompleted), 2);
    const received = node.count(DeviceCounter.ReceivedData);
    node.receive(late, endpointOf(other), 0, network.now);
    assert.equal(node.count(DeviceCounter.ReceivedData), received + 1);
  });

  test(`all keys are zeroed 540 s after the last session: ${role}`, () => {
    const { network, node, other } = connected(role);
    const late = [1, 2].map(() => sealedBy(other, node));
    node.link.setConnected(false);
    network.runFor(538_000);
    node.receive(late[0]!, endpointOf(other), 0, network.now);
    assert.equal(node.count(DeviceCounter.DropUnknownIndex), 0);
    network.runFor(3_000);
    node.receive(late[1]!, endpointOf(other), 0, network.now);
    assert.equal(node.count(DeviceCounter.DropUnknownIndex), 1);
  });

  test(`data that nobody answers begins a handshake after 15 s: ${role}`, () => {
    const { network, node, other } = connected(role);
    other.link.setConnected(false);
    const before = initiationsOf(node);
    send(node, other);
    // What is sent later postpones nothing.
    network.runFor(8_000);
    send(node, other);
    network.runFor(6_900);
    assert.equal(initiationsOf(node), before);
    network.runFor(JITTER_MS + 200);
    assert.equal(initiationsOf(node), before + 1);
  });

  test(`data is answered by a keepalive after 10 s of silence: ${role}`, () => {
    const { network, node, other } = connected(role);
    const before = node.count(DeviceCounter.SentKeepalive);
    send(other, node);
    network.runFor(9_900);
    assert.equal(node.count(DeviceCounter.SentKeepalive), before);
    network.runFor(200);
    assert.equal(node.count(DeviceCounter.SentKeepalive), before + 1);
  });

  test(`an initiation is sent 20 times, 5 s apart, and then given up: ${role}`, () => {
    const { network, node, other } = connected(role);
    other.link.setConnected(false);
    network.runFor(200_000);
    const before = initiationsOf(node);
    send(node, other);
    network.runFor(20 * (5_000 + JITTER_MS));
    assert.equal(initiationsOf(node) - before, 20);
    assert.equal(node.count(DeviceCounter.DropHandshakeGivenUp), 1);
    network.runFor(60_000);
    assert.equal(initiationsOf(node) - before, 20);
    send(node, other);
    assert.equal(initiationsOf(node) - before, 21, 'new data begins anew');
  });

  test(`the initiator of the next session may be either: ${role}`, () => {
    const { network, node, other } = connected(role);
    network.runFor(200_000);
    send(node, other);
    network.runFor(MOMENT_MS);
    assert.equal(node.count(DeviceCounter.HandshakesCompleted), 2);
    assert.equal(other.count(DeviceCounter.HandshakesCompleted), 2);
  });
}

test('a responder sends nothing by a session that its initiator has not used', () => {
  const { network, a, b } = connected('initiator');
  network.runFor(200_000);
  a.link.setConnected(false);
  a.sent.length = 0;
  send(a, b);
  const initiation = Uint8Array.from(a.sent[0]!.datagram);
  b.receive(initiation, endpointOf(a), 0, network.now);
  assert.equal(send(b, a), SendOutcome.Staged);
});

/** Two devices that have shaken hands; `node` is the one of that role. */
function connected(role: Role): {
  network: SimNetwork;
  a: DeviceNode;
  b: DeviceNode;
  node: DeviceNode;
  other: DeviceNode;
} {
  const network = new SimNetwork(1, PERFECT);
  const a = new DeviceNode(network, { hostNumber: 0, address: address(1) });
  const b = new DeviceNode(network, { hostNumber: 1, address: address(2) });
  a.meet(b, { endpoint: address(2) });
  b.meet(a, { endpoint: address(1) });
  a.ping(b, 0);
  network.runFor(MOMENT_MS);
  assert.equal(a.count(DeviceCounter.HandshakesCompleted), 1);
  const [node, other] = role === 'initiator' ? [a, b] : [b, a];
  return { network, a, b, node, other };
}

function send(from: DeviceNode, to: DeviceNode): number {
  return from.sendPacket(packetBetween(from.hostId, to.hostId, SILENT, 1, 8));
}

/** A data message that has yet to arrive. */
function sealedBy(from: DeviceNode, to: DeviceNode): Uint8Array {
  from.link.setConnected(false);
  send(from, to);
  from.link.setConnected(true);
  const sent = from.sent.filter(({ datagram }) => datagram[0] === DATA).at(-1);
  return Uint8Array.from(sent!.datagram);
}

function receiveFrom(from: DeviceNode, to: DeviceNode, network: SimNetwork): void {
  to.receive(sealedBy(from, to), endpointOf(from), 0, network.now);
}

function initiationsOf(node: DeviceNode): number {
  return node.count(DeviceCounter.SentInitiation);
}

function endpointOf(node: DeviceNode): Uint8Array {
  return writeEndpoint(address(node.hostId & 1 ? 2 : 1));
}

function address(last: number): SimAddress {
  return { address: `192.0.2.${last}`, port: 51_820 };
}
