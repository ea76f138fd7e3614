// Devices on a simulated network: pings cross under loss and reordering, a NAT that rebinds heals
// by roaming, peers that begin at once both finish. The seed of a run is printed; P6N_SEED replays
// it.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { DeviceCounter } from '../../src/device/counters.ts';
import { SendOutcome } from '../../src/device/ports.ts';
import { DeviceNode, MTU } from './device-node.ts';
import { PERFECT, type SimAddress, type SimConditions, SimNetwork } from './network.ts';

const SEED = Number(process.env['P6N_SEED'] ?? randomInt(2 ** 31));
const ROUGH: SimConditions = {
  latencyMs: 20,
  jitterMs: 30,
  loss: 0.1,
  reorder: 0.1,
  duplicate: 0.05,
};

test('Device lets pings cross between two devices', (t) => {
  const { network, a, b } = pair(t, PERFECT);
  assert.equal(a.ping(b, 1), SendOutcome.Staged);
  network.runFor(100);
  assert.deepEqual([...a.pongs], [1]);
  assert.equal(a.ping(b, 2), SendOutcome.Sent);
  network.runFor(100);
  assert.deepEqual([...a.pongs], [1, 2]);
  assert.equal(a.completed.length, 1);
  assert.equal(b.completed.length, 1);
});

test('Device lets pings cross under loss, reordering and duplicates', (t) => {
  const { network, a, b } = pair(t, ROUGH);
  for (let n = 0; n < 300; n++) {
    a.ping(b, n);
    network.runFor(1_000);
  }
  assert.ok(a.pongs.size > 200, `${a.pongs.size} of 300`);
  assert.equal(new Set(b.pings).size, b.pings.length, 'a duplicate came through');
  assert.ok(b.count(DeviceCounter.DropReplayed) > 0);
});

test('Device sends handshakes as AF41 and pads data to 16 bytes, but not beyond the MTU', (t) => {
  const { network, a, b } = pair(t, PERFECT);
  a.ping(b, 1);
  network.runFor(100);
  a.sent.length = 0;
  a.ping(b, 2, 9);
  a.ping(b, 3, MTU - 40);
  // Beyond the MTU by no more than the next multiple of 16: another message may stand there.
  a.ping(b, 4, MTU - 40 + 1);
  assert.deepEqual(
    a.sent.map(({ datagram, trafficClass }) => [datagram.length, trafficClass]),
    [
      [32 + 64, 0],
      [32 + MTU, 0],
      [32 + MTU + 4, 0],
    ],
  );
  assert.ok(
    b.sent.some(({ datagram, trafficClass }) => datagram[0] === 2 && trafficClass === 0x88),
  );
});

test('Device follows a peer whose NAT has given it another port', (t) => {
  const network = networkOf(t, PERFECT);
  const a = new DeviceNode(network, { hostNumber: 0, address: at('192.0.2.1') });
  const nat = { address: '198.51.100.7' };
  const b = new DeviceNode(network, { hostNumber: 1, address: at('10.0.0.2'), nat });
  a.meet(b);
  b.meet(a, { endpoint: at('192.0.2.1'), persistentKeepaliveSeconds: 25 });
  network.runFor(1_000);
  assert.equal(a.ping(b, 1), SendOutcome.Sent, 'a keepalive said where b is');
  network.runFor(100);
  b.link.rebindNat();
  a.ping(b, 2);
  network.runFor(100);
  assert.deepEqual([...a.pongs], [1], 'the old port leads nowhere');
  network.runFor(25_000);
  a.ping(b, 3);
  network.runFor(100);
  assert.deepEqual([...a.pongs], [1, 3]);
  assert.equal(a.device.peerStatus(a.roamed[0]!)?.endpoint?.port, b.link.publicAddress.port);
});

test('Device with an IPv6 endpoint moves with its peer to another address', (t) => {
  const network = networkOf(t, PERFECT);
  const a = new DeviceNode(network, { hostNumber: 0, address: at('2001:db8::1') });
  const b = new DeviceNode(network, { hostNumber: 1, address: at('2001:db8::2') });
  a.meet(b, { endpoint: at('2001:db8::2') });
  b.meet(a, { endpoint: at('2001:db8::1') });
  a.ping(b, 1);
  network.runFor(100);
  b.link.moveTo(at('2001:db8:1::9'));
  b.ping(a, 2);
  network.runFor(100);
  assert.deepEqual([...b.pongs], [2]);
  assert.equal(a.device.peerStatus(a.roamed[0]!)?.endpoint?.address, '2001:db8:1::9');
});

test('Device ends handshakes that both peers began at once without waiting for a retry', (t) => {
  const { network, a, b } = pair(t, PERFECT);
  a.ping(b, 1);
  b.ping(a, 1);
  network.runFor(1_000);
  assert.deepEqual([...a.pongs], [1]);
  assert.deepEqual([...b.pongs], [1]);
});

test('Device loses no packet when both peers renew their sessions at once', (t) => {
  const { network, a, b } = pair(t, { ...PERFECT, latencyMs: 40, jitterMs: 30 });
  for (let second = 0; second < 1_000; second++) {
    a.ping(b, second);
    b.ping(a, second);
    network.runFor(1_000);
  }
  network.runFor(1_000);
  for (const node of [a, b]) {
    assert.equal(node.pongs.size, 1_000);
    assert.equal(node.count(DeviceCounter.DropUnknownIndex), 0);
  }
});

test('Device renews sessions under traffic for an hour without losing a packet', (t) => {
  const { network, a, b } = pair(t, { ...PERFECT, jitterMs: 10 });
  for (let n = 0; n < 720; n++) {
    a.ping(b, n);
    network.runFor(5_000);
  }
  assert.equal(a.pongs.size, 720);
  const handshakes = a.count(DeviceCounter.HandshakesCompleted);
  assert.ok(handshakes >= 29 && handshakes <= 32, `${handshakes} handshakes`);
  assert.equal(b.count(DeviceCounter.SentInitiation), 0, 'only the initiator renews');
});

test('Device falls silent when there is nothing to say', (t) => {
  const { network, a, b } = pair(t, PERFECT);
  a.ping(b, 1);
  network.runFor(30_000);
  const sent = network.counts.sent;
  network.runFor(3_600_000);
  assert.equal(network.counts.sent, sent);
});

test('Device gives up after 90 s without an answer and tries anew for new packets', (t) => {
  const { network, a, b } = pair(t, PERFECT);
  b.link.setConnected(false);
  a.ping(b, 1);
  network.runFor(200_000);
  assert.equal(a.count(DeviceCounter.DropHandshakeGivenUp), 1);
  const initiations = a.count(DeviceCounter.SentInitiation);
  assert.equal(initiations, 20);
  b.link.setConnected(true);
  network.runFor(60_000);
  assert.equal(a.count(DeviceCounter.SentInitiation), initiations, 'it does not go on by itself');
  a.ping(b, 2);
  network.runFor(100);
  assert.deepEqual([...a.pongs], [2]);
});

test('Device meets a host that spoke before it was installed', (t) => {
  const network = networkOf(t, PERFECT);
  const [a, b] = nodes(network, 2) as [DeviceNode, DeviceNode];
  a.meet(b, { endpoint: addressOf(1) });
  a.ping(b, 1);
  network.runFor(1_000);
  assert.equal(b.count(DeviceCounter.DropUnknownPeer), 1);
  b.meet(a);
  network.runFor(1_000);
  assert.deepEqual([...a.pongs], [1], 'b has initiated, to where a spoke from');
});

test('Device heals after a partition', (t) => {
  const { network, a, b } = pair(t, PERFECT);
  a.ping(b, 1);
  network.runFor(1_000);
  network.setPartition(addressOf(0).address, addressOf(1).address, true);
  for (let n = 2; n < 300; n++) {
    a.ping(b, n);
    network.runFor(1_000);
  }
  assert.deepEqual([...a.pongs], [1]);
  network.setPartition(addressOf(0).address, addressOf(1).address, false);
  const healed = network.runUntil(() => a.pongs.size > 1, 6_000);
  assert.ok(healed, 'the next retransmission brings the staged packets across');
});

test('Device lets pings cross between all of twenty devices under loss', (t) => {
  const network = networkOf(t, ROUGH);
  const all = nodes(network, 20);
  for (const [i, one] of all.entries()) {
    for (const [j, other] of all.entries()) {
      if (i !== j) one.meet(other, { endpoint: addressOf(j) });
    }
  }
  for (let round = 0; round < 60 && all.some((one) => one.pongs.size < 19); round++) {
    for (const [i, one] of all.entries()) {
      for (const [j, other] of all.entries()) {
        if (i !== j && !one.pongs.has(j)) one.ping(other, j);
      }
    }
    network.runFor(3_000);
  }
  for (const [i, one] of all.entries()) assert.equal(one.pongs.size, 19, `device ${i}`);
});

test('Device sends to the key of a host that completed a handshake last', (t) => {
  const network = networkOf(t, PERFECT);
  const [a, old, renewed] = nodes(network, 3) as [DeviceNode, DeviceNode, DeviceNode];
  a.meet(old, { endpoint: addressOf(1) });
  a.ping(old, 1);
  network.runFor(1_000);
  const next = a.device.installPeer({ publicKey: renewed.publicKey }, network.now);
  a.routes.setHost(old.hostId, 'next', next);
  old.meet(a);
  renewed.meet(a, { endpoint: addressOf(0) });
  renewed.ping(a, 1);
  network.runFor(1_000);
  a.ping(old, 2);
  network.runFor(1_000);
  assert.deepEqual(renewed.pings, [2]);
});

function networkOf(t: TestContext, conditions: SimConditions): SimNetwork {
  t.diagnostic(`seed ${SEED}`);
  return new SimNetwork(SEED, conditions);
}

/** Two devices that know each other and each other's endpoint. */
function pair(
  t: TestContext,
  conditions: SimConditions,
): { network: SimNetwork; a: DeviceNode; b: DeviceNode } {
  const network = networkOf(t, conditions);
  const [a, b] = nodes(network, 2) as [DeviceNode, DeviceNode];
  a.meet(b, { endpoint: addressOf(1) });
  b.meet(a, { endpoint: addressOf(0) });
  return { network, a, b };
}

function nodes(network: SimNetwork, count: number): DeviceNode[] {
  return Array.from(
    { length: count },
    (_, n) => new DeviceNode(network, { hostNumber: n, address: addressOf(n) }),
  );
}

function addressOf(n: number): SimAddress {
  return at(`192.0.2.${n + 1}`);
}

function at(address: string): SimAddress {
  return { address, port: 51_820 };
}
