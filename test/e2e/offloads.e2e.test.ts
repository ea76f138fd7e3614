// TCP and UDP of many packets through two p6nwg, one flow and eight, both ways at once, over MTUs
// that the link below carries, and ones that it has to cut; with each offload on and off.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LINUX_NAMESPACES } from '../../src/os/linux/namespaces.ts';
import { probeRuns } from '../../src/os/linux/udp/run-probe.ts';
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
