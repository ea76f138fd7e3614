// Handshakes that no packet asks for: a peer may be begun with when it is installed, or later.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after } from '../../src/base/clock.ts';
import { DeviceCounter } from '../../src/device/counters.ts';
import { DeviceNode } from '../sim/device-node.ts';
import { PERFECT, SimNetwork } from '../sim/network.ts';

const A = { address: '192.0.2.1', port: 51_820 };
const B = { address: '192.0.2.2', port: 51_820 };

test('Device.installPeer() initiates when it is told to', () => {
  for (const delayMs of [0, 500]) {
    const network = new SimNetwork(1, PERFECT);
    const a = new DeviceNode(network, { hostNumber: 0, address: A });
    const b = new DeviceNode(network, { hostNumber: 1, address: B });
    b.meet(a);
    a.meet(b, { endpoint: B }, after(network.now, delayMs));
    assert.equal(a.count(DeviceCounter.SentInitiation), delayMs === 0 ? 1 : 0);
    network.runFor(delayMs + 100);
    assert.equal(a.completed.length, 1);
  }
});

test('Device.installPeer() plans no second handshake where one has completed before', () => {
  const network = new SimNetwork(1, PERFECT);
  const a = new DeviceNode(network, { hostNumber: 0, address: A });
  const b = new DeviceNode(network, { hostNumber: 1, address: B });
  a.meet(b, { endpoint: B }, after(network.now, 500));
  b.meet(a, { endpoint: A });
  b.ping(a, 1);
  network.runFor(6_000);
  assert.equal(a.count(DeviceCounter.SentInitiation), 0);
  assert.deepEqual([...b.pongs], [1]);
});
