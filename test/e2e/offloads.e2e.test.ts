// TCP and UDP of many packets through two p6nwg, one flow and eight, both ways at once, over MTUs
// that the link below carries, and ones that it has to cut; with each offload on and off.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LINUX_NAMESPACES } from '../../src/os/linux/namespaces.ts';
import { probeRuns } from '../../src/os/linux/udp/run-probe.ts';
import { UdpCounter } from '../../src/os/udp.ts';
import { close, endpoint, open } from '../os/udp-side.ts';
import { connectedPair, exchange } from './exchange.ts';
import { makeNamespace, SKIP } from './namespaces.ts';

const OPTIONS = { skip: SKIP, timeout: 60_000 };

/** Ours with some offloads, theirs with all; every product of both is in test/long. */
for (const [mtu, offloads] of [
  [1280, 'none'],
  [1420, ''],
  [1420, 'tun-udp,udp-gro'],
  [8920, ''],
] as const) {
  const name = offloads === '' ? 'all' : offloads;
  test(`p6nwg: TCP and UDP over an MTU of ${mtu}, offloads ${name}`, OPTIONS, async (t) => {
    const { a } = await connectedPair(t, mtu, offloads);
    await exchange(a, { megabytes: 4, flows: 8 });
  });
}

test('runs of datagrams are not sent where the kernel loses what is longer', OPTIONS, (t) => {
  const EBADMSG = 74;
  const namespace = makeNamespace(t, 'runs');
  const probe = (): number[] =>
    LINUX_NAMESPACES.within(namespace.path, () => [probeRuns(4), probeRuns(6)]);
  assert.deepEqual(probe(), [0, 0]);
  namespace.run('iptables -A INPUT -p udp -m length --length 500: -j DROP');
  assert.deepEqual(probe(), [EBADMSG, 0]);
  // Where nothing arrives, nothing is said against runs.
  namespace.run('ip link set lo down');
  assert.deepEqual(probe(), [0, 0]);
});

test('a datagram that nobody may cut is sent where it fits, any other everywhere', OPTIONS, (t) => {
  const namespace = makeNamespace(t, 'uncut');
  namespace.run('ip link set lo mtu 1000 up');
  const [a, b] = LINUX_NAMESPACES.within(namespace.path, () => [open(), open()]);
  t.after(() => close(a, b));
  const target = endpoint('127.0.0.1', b.udp.port);
  const counts = (): unknown[] => {
    b.udp.receive(b.datagrams, 0);
    // What arrives is longer than there is room for, and counted.
    return [a.udp.counters[UdpCounter.Sent], b.udp.counters[UdpCounter.DropTooLong]];
  };
  a.udp.sendWhole(a.outgoing, 0, 1200, target, 0);
  assert.deepEqual(counts(), [0, 0]);
  a.udp.sendWhole(a.outgoing, 0, 900, target, 0);
  assert.deepEqual(counts(), [1, 1]);
  a.udp.push(a.outgoing, 0, 1200, target, 0, 0);
  a.udp.flush();
  assert.deepEqual(counts(), [2, 2]);
});
