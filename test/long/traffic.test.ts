// Every MTU with every offload alone and without any, and five minutes of traffic both ways, after
// which no more memory is used than after one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { residentMebibytes } from '../bench/traffic.ts';
import { connectedPair, exchange } from '../e2e/exchange.ts';
import { SKIP } from '../e2e/namespaces.ts';

const SOAK_ROUNDS = 5;
const ROUND_SECONDS = 60;
const GROWTH_MEBIBYTES_MAX = 12;

for (const mtu of [1280, 1420, 8920]) {
  for (const offloads of [
    'none',
    'tun-tcp',
    'tun-udp',
    'udp-gso',
    'udp-gro',
    'tun-tcp,udp-gso',
    '',
  ]) {
    const name = offloads === '' ? 'all' : offloads;
    test(`p6nwg: MTU ${mtu}, offloads ${name}`, { skip: SKIP, timeout: 120_000 }, async (t) => {
      const { a } = await connectedPair(t, mtu, offloads);
      await exchange(a, { megabytes: 30, flows: 8 });
    });
  }
}

test('p6nwg: five minutes of traffic leave its memory as it was', {
  skip: SKIP,
  timeout: 2 * SOAK_ROUNDS * ROUND_SECONDS * 1000,
}, async (t) => {
  const { a, ours, theirs } = await connectedPair(t, 1420, '');
  const sizes: number[] = [];
  for (let round = 0; round < SOAK_ROUNDS; round++) {
    // Less than the time that a command may take.
    for (let seconds = 0; seconds < ROUND_SECONDS; seconds += 20) {
      await a.runAsync('iperf3 -6 -c fd77::2 -t 20 -P 8 --bidir');
    }
    sizes.push(residentMebibytes([ours.pid, theirs.pid]));
  }
  t.diagnostic(`MiB after each minute: ${sizes.map((size) => size.toFixed(0)).join(' ')}`);
  assert.ok(sizes.at(-1)! - sizes[0]! <= GROWTH_MEBIBYTES_MAX, `${sizes}`);
});
