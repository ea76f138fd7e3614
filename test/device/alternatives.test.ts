// Peers that may be in several places: the first that answers is where they are.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeviceCounter } from '../../src/device/counters.ts';
import { DeviceNode } from '../sim/device-node.ts';
import { PERFECT, SimNetwork } from '../sim/network.ts';

const A = { address: '192.0.2.1', port: 51_820 };
const B = { address: '192.0.2.2', port: 51_820 };
const NOWHERE = { address: '198.51.100.1', port: 51_820 };

test('a peer is found at any of its endpoints, without a wait', () => {
  const network = new SimNetwork(1, PERFECT);
  const a = new DeviceNode(network, { hostNumber: 0, address: A });
  const b = new DeviceNode(network, { hostNumber: 1, address: B });
  b.meet(a);
  a.meet(b, { endpoint: NOWHERE, alternatives: [B] });
  a.ping(b, 1);
  network.runFor(100);
  assert.deepEqual([...a.pongs], [1]);
  assert.equal(a.count(DeviceCounter.SentInitiation), 2);
  // With a session, only where it is.
  a.ping(b, 2);
  network.runFor(100);
  assert.deepEqual([...a.pongs], [1, 2]);
  assert.equal(a.count(DeviceCounter.SentInitiation), 2);
});

test('two peers that each know a place of the other try it at once', () => {
  const network = new SimNetwork(1, PERFECT);
  const a = new DeviceNode(network, { hostNumber: 0, address: A });
  const b = new DeviceNode(network, { hostNumber: 1, address: B });
  const keepalive = { persistentKeepaliveSeconds: 25 };
  a.meet(b, { endpoint: NOWHERE, alternatives: [B], ...keepalive });
  b.meet(a, { endpoint: NOWHERE, alternatives: [A], ...keepalive });
  network.runFor(7_000);
  assert.ok(a.completed.length > 0);
  a.ping(b, 1);
  network.runFor(100);
  assert.deepEqual([...a.pongs], [1]);
});
