// TCP and UDP of many packets through two p6nwg, one flow and eight, both ways at once, over MTUs
// that the link below carries, and ones that it has to cut; with each offload on and off.

import { test } from 'node:test';
import { connectedPair, exchange } from './exchange.ts';
import { SKIP } from './namespaces.ts';

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
