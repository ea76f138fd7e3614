// What a device does after the machine has slept, and while its interface is down; congestion marks
// on their way through it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeviceCounter } from '../../src/device/counters.ts';
import { RESTARTS_PER_SECOND } from '../../src/device/device.ts';
import { Ecn, markCongestion, readEcn } from '../../src/ip/ecn.ts';
import { DeviceNode, packetBetween } from '../sim/device-node.ts';
import { PERFECT, type SimAddress, SimNetwork, writeEndpoint } from '../sim/network.ts';

const DATA = 4;
const INITIATION = 1;

test('Device forgets its sessions after a sleep and begins new ones with those that it had', () => {
  const { network, a, b } = connected();
  const before = lastSent(b, DATA);
  a.sent.length = 0;
  a.device.forgetSessions(network.now);
  a.receive(before, writeEndpoint(address(2)), 0, network.now);
  assert.equal(a.count(DeviceCounter.DropUnknownIndex), 1, 'nothing opens by an old key');
  network.runFor(100);
  assert.equal(a.sent[0]?.datagram[0], INITIATION);
  assert.equal(a.count(DeviceCounter.HandshakesCompleted), 2);
  a.ping(b, 1);
  network.runFor(100);
  assert.ok(a.pongs.has(1));
});

test('Device leaves peers alone after a sleep that it had no session with', () => {
  const { network, a } = pair();
  a.device.forgetSessions(network.now);
  network.runFor(60_000);
  assert.equal(a.sent.length, 0);
});

test('Device keeps a peer alive whose endpoint became known after the start', () => {
  const network = new SimNetwork(1, PERFECT);
  const a = new DeviceNode(network, { hostNumber: 0, address: address(1) });
  const b = new DeviceNode(network, { hostNumber: 1, address: address(2) });
  b.meet(a, {});
  a.device.setRunning(false, network.now);
  const settings = { publicKey: b.publicKey, persistentKeepaliveSeconds: 5 };
  const peer = a.device.installPeer(settings, network.now);
  a.device.setRunning(true, network.now);
  network.runFor(1_000);
  a.device.setEndpoint(peer, address(2));
  network.runFor(5_000);
  assert.equal(b.completed.length, 1);
});

test('Device spreads the handshakes after a sleep', () => {
  const network = new SimNetwork(1, PERFECT);
  const a = new DeviceNode(network, { hostNumber: 0, address: address(1) });
  const count = 2 * RESTARTS_PER_SECOND;
  for (let n = 0; n < count; n++) {
    const publicKey = new Uint8Array(32).fill(n + 1) as never;
    const endpoint = address(2);
    a.device.installPeer({ publicKey, endpoint, persistentKeepaliveSeconds: 3600 }, network.now);
  }
  network.runFor(200_000);
  const initiations = () => a.count(DeviceCounter.SentInitiation);
  const before = initiations();
  a.device.forgetSessions(network.now);
  network.runFor(1_000);
  assert.ok(Math.abs(initiations() - before - RESTARTS_PER_SECOND) <= 2);
  network.runFor(1_000);
  assert.equal(initiations() - before, count);
});

test('Device is silent while it does not run and begins without a wait when it does', () => {
  const { network, a, b } = connected({ persistentKeepaliveSeconds: 5 });
  a.device.setRunning(false, network.now);
  a.link.setConnected(false);
  a.sent.length = 0;
  network.runFor(60_000);
  assert.equal(a.sent.length, 0);
  a.link.setConnected(true);
  a.device.setRunning(true, network.now);
  assert.equal(a.sent[0]?.datagram[0], INITIATION);
  network.runFor(100);
  a.ping(b, 7);
  network.runFor(100);
  assert.ok(a.pongs.has(7));
});

test('Device puts the mark of a packet on its datagram, and none on a keepalive', () => {
  const { network, a, b } = connected();
  for (const mark of Object.values(Ecn)) {
    a.sendPacket(marked(a, b, mark));
    assert.equal(a.sent.at(-1)?.trafficClass, mark);
  }
  a.sent.length = 0;
  network.runFor(20_000);
  const keepalives = a.sent.filter(({ datagram }) => datagram.length === 32);
  assert.ok(keepalives.length > 0);
  assert.ok(keepalives.every(({ trafficClass }) => trafficClass === 0));
});

test('Device keeps the mark of a packet that waited for a handshake', () => {
  const { network, a, b } = pair();
  a.sendPacket(marked(a, b, Ecn.Capable0));
  network.runFor(100);
  const [first] = a.sent.filter(({ datagram }) => datagram[0] === DATA);
  assert.equal(first?.trafficClass, Ecn.Capable0);
});

test('Device marks a capable packet whose datagram met congestion', () => {
  const { network, a, b } = connected();
  const received: Ecn[] = [];
  b.onPacket = (packet) => received.push(readEcn(packet, 0));
  b.link.setConnected(false);
  for (const mark of [Ecn.Capable0, Ecn.Capable1, Ecn.NotCapable]) {
    for (const outer of [Ecn.Capable0, Ecn.CongestionExperienced]) {
      a.sendPacket(marked(a, b, mark));
      b.receive(lastSent(a, DATA), writeEndpoint(address(1)), outer, network.now);
    }
  }
  const { Capable0, Capable1, NotCapable, CongestionExperienced } = Ecn;
  assert.deepEqual(received, [
    Capable0,
    CongestionExperienced,
    Capable1,
    CongestionExperienced,
    NotCapable,
    NotCapable,
  ]);
});

interface Settings {
  readonly persistentKeepaliveSeconds?: number;
}

function pair(settings: Settings = {}): { network: SimNetwork; a: DeviceNode; b: DeviceNode } {
  const network = new SimNetwork(1, PERFECT);
  const a = new DeviceNode(network, { hostNumber: 0, address: address(1) });
  const b = new DeviceNode(network, { hostNumber: 1, address: address(2) });
  a.meet(b, { endpoint: address(2), ...settings });
  b.meet(a, { endpoint: address(1) });
  return { network, a, b };
}

function connected(settings: Settings = {}): ReturnType<typeof pair> {
  const all = pair(settings);
  all.a.ping(all.b, 0);
  all.network.runFor(100);
  return all;
}

function marked(a: DeviceNode, b: DeviceNode, mark: Ecn): Uint8Array {
  const packet = packetBetween(a.hostId, b.hostId, 1, 9, 8);
  if (mark === Ecn.CongestionExperienced) {
    packet[1]! |= Ecn.Capable0 << 4;
    markCongestion(packet, 0);
  } else packet[1]! |= mark << 4;
  return packet;
}

function lastSent(node: DeviceNode, type: number): Uint8Array {
  const sent = node.sent.filter(({ datagram }) => datagram[0] === type).at(-1);
  if (sent === undefined) throw new Error(`no message of type ${type} was sent`);
  return Uint8Array.from(sent.datagram);
}

function address(last: number): SimAddress {
  return { address: `192.0.2.${last}`, port: 51_820 };
}
