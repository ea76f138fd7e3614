// What the filter leaves to the collector: nothing, whatever the ids.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InstanceId, NetworkId } from '../../src/addressing/ids.ts';
import { instanceAddress } from '../../src/addressing/layout.ts';
import type { Millis } from '../../src/base/clock.ts';
import { PacketFilter } from '../../src/filter/filter.ts';
import { Verdict } from '../../src/filter/verdict.ts';
import { ACK, tcp } from './packets.ts';
import { A, B, CONFIG } from './site.ts';

const ROUNDS = 2_000;
/** Enough for the engine to compile what runs. */
const WARM_ROUNDS = 200_000;
const TUN = 9;
/** An object for each packet would be 16 bytes at least. */
const BYTES_MAX = 4;

test('judging a packet between instances allocates nothing, whatever their ids', () => {
  for (const [network, instance] of [
    [0x000a_0002, 0x1111_0001],
    [0xfa0a_0002, 0xf111_0001],
  ] as [NetworkId, InstanceId][]) {
    const filter = new PacketFilter({
      ...CONFIG,
      networks: [{ id: network, regionScoped: true }],
      instances: [{ network, instance, tun: TUN }],
      wireguardPeers: [],
    });
    const here = instanceAddress(network, A, instance);
    const there = instanceAddress(network, B, instance);
    const [inbound, outbound] = [tcp(there, here, 80, ACK), tcp(here, there, 80, ACK)];
    const judge = (): void => {
      const from = filter.judgeFromHost(B, inbound, 0, inbound.length, 0 as Millis);
      const again = filter.judgeFromHost(B, inbound, 0, inbound.length, 0 as Millis);
      const to = filter.judgeFromTun(TUN, outbound, 0, outbound.length, 0 as Millis);
      if (from !== Verdict.ToTun || again !== from || to !== Verdict.ToPeer) assert.fail();
    };
    assert.ok(bytesOf(judge) <= BYTES_MAX);
  }
});

/** Of one run; the least of some looks, as a look itself allocates. */
function bytesOf(run: () => void): number {
  for (let i = 0; i < WARM_ROUNDS; i++) run();
  const looks = Array.from({ length: 10 }, () => {
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < ROUNDS; i++) run();
    return (process.memoryUsage().heapUsed - before) / ROUNDS;
  });
  return Math.min(...looks.map(Math.abs));
}
