// The local address that a device sends from: the one that its peer last spoke to, while it is
// right.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeviceNode } from '../sim/device-node.ts';
import { PERFECT, type SimAddress, SimNetwork } from '../sim/network.ts';

const INITIATION = 1;

test('Device clears the source of an endpoint before it retries', () => {
  const { network, a, b } = connected();
  const locals: number[] = [];
  const { link } = a;
  const send = link.send.bind(link);
  link.send = (datagram, to, trafficClass) => {
    if (datagram[0] === INITIATION) locals.push(to[24]!);
    send(datagram, to, trafficClass);
  };
  b.link.setConnected(false);
  network.runFor(121_000);
  a.ping(b, 1);
  network.runFor(6_000);
  assert.deepEqual(locals, [192, 0], 'the first try by the known address, the second by any');
});

test('Device keeps a local address that a change of routes leaves right, and asks once', () => {
  const { network, a, b } = connected();
  const locals: number[] = [];
  let asked = 0;
  const { link } = a;
  const send = link.send.bind(link);
  link.send = (datagram, to, trafficClass) => {
    locals.push(to[24]!);
    send(datagram, to, trafficClass);
  };
  for (const isRight of [true, false]) {
    a.isSourceRight = () => {
      asked += 1;
      return isRight;
    };
    a.device.routesChanged();
    a.ping(b, 1);
    a.ping(b, 2);
    // The answer brings the address along again.
    network.runFor(100);
  }
  assert.deepEqual(locals, [192, 192, 0, 0]);
  assert.equal(asked, 2);
});

function connected(): { network: SimNetwork; a: DeviceNode; b: DeviceNode } {
  const network = new SimNetwork(1, PERFECT);
  const a = new DeviceNode(network, { hostNumber: 0, address: address(1) });
  const b = new DeviceNode(network, { hostNumber: 1, address: address(2) });
  a.meet(b, { endpoint: address(2) });
  b.meet(a, { endpoint: address(1) });
  a.ping(b, 0);
  network.runFor(100);
  return { network, a, b };
}

function address(last: number): SimAddress {
  return { address: `192.0.2.${last}`, port: 51_820 };
}
