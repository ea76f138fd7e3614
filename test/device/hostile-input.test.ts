// Whatever arrives: no datagram throws, each ends in exactly one counter, and the tunnel that was
// there before still works.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RECEIVE_COUNTERS } from '../../src/device/counters.ts';
import { DeviceNode } from '../sim/device-node.ts';
import { PERFECT, type SimAddress, SimNetwork, writeEndpoint } from '../sim/network.ts';

const A = address('192.0.2.1');
const B = address('2001:db8::2');
const SOURCES = [A, address('2001:db8::9'), address('203.0.113.9')].map((one) =>
  writeEndpoint(one),
);
/** Datagrams given in one call. */
const BATCH_MAX = 8;
const DATAGRAM_BYTES_MAX = 1_500;

const randomDatagram = fc.uint8Array({ maxLength: DATAGRAM_BYTES_MAX });
/** Bytes that have the length of a message, and its type in front. */
const shapedDatagram = fc
  .tuple(
    fc.constantFrom([1, 148], [2, 92], [3, 64], [4, 32], [4, 80]),
    fc.uint8Array({ minLength: 148, maxLength: 148 }),
  )
  .map(([[type, length], bytes]) => {
    const datagram = bytes.slice(0, length);
    datagram.set([type!, 0, 0, 0]);
    return datagram;
  });
/** A change of a message that the devices themselves have sent. */
const mutation = fc.record({
  message: fc.nat(),
  flips: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 3 }),
  cut: fc.option(fc.nat({ max: 200 }), { nil: undefined }),
  extra: fc.uint8Array({ maxLength: 4 }),
});
const input = fc.record({
  datagrams: fc.array(fc.oneof(randomDatagram, shapedDatagram, mutation), {
    minLength: 1,
    maxLength: BATCH_MAX,
  }),
  source: fc.nat({ max: SOURCES.length - 1 }),
  waitMs: fc.constantFrom(0, 0, 10, 6_000, 130_000),
  sends: fc.boolean(),
});

test('Device takes random, shaped and mutated datagrams without an exception', () => {
  fc.assert(
    fc.property(fc.integer(), fc.array(input, { minLength: 1, maxLength: 12 }), (seed, inputs) => {
      const { network, a, b } = connected(seed);
      for (const { datagrams, source, waitMs, sends } of inputs) {
        if (sends) a.ping(b, 1_000);
        const seen = [...a.sent, ...b.sent].map(({ datagram }) => datagram);
        const batch = datagrams.map((one) =>
          one instanceof Uint8Array ? Uint8Array.from(one) : mutated(seen, one),
        );
        for (const node of [a, b]) {
          const before = received(node);
          node.receiveAll(batch, SOURCES[source]!, 0, network.now);
          assert.equal(received(node) - before, batch.length);
        }
        network.runFor(waitMs);
      }
      network.runFor(200_000);
      a.ping(b, 2_000);
      assert.ok(
        network.runUntil(() => a.pongs.has(2_000), 20_000),
        'the devices still find each other',
      );
    }),
    { numRuns: 40 },
  );
});

test('Device takes every truncation of every message without an exception', () => {
  const { network, a, b } = connected(1);
  const seen = [...a.sent, ...b.sent].map(({ datagram }) => datagram);
  assert.deepEqual(
    [1, 2, 4].map((type) => seen.some((datagram) => datagram[0] === type)),
    [true, true, true],
  );
  for (const datagram of seen) {
    for (let length = 0; length < datagram.length; length++) {
      const before = received(b);
      b.receive(datagram.slice(0, length), SOURCES[0]!, 0, network.now);
      assert.equal(received(b) - before, 1);
    }
  }
});

interface Mutation {
  readonly message: number;
  readonly flips: readonly (readonly [number, number])[];
  readonly cut: number | undefined;
  readonly extra: Uint8Array;
}

function mutated(seen: readonly Uint8Array[], change: Mutation): Uint8Array {
  const original = seen[change.message % seen.length]!;
  const datagram = Uint8Array.of(...original.slice(0, change.cut), ...change.extra);
  for (const [at, bits] of change.flips) {
    if (datagram.length > 0) datagram[at % datagram.length]! ^= bits;
  }
  return datagram;
}

/** Datagrams that ended in any counter. */
function received(node: DeviceNode): number {
  return RECEIVE_COUNTERS.reduce<number>((sum, counter) => sum + node.count(counter), 0);
}

function connected(seed: number): { network: SimNetwork; a: DeviceNode; b: DeviceNode } {
  const network = new SimNetwork(seed, PERFECT);
  const a = new DeviceNode(network, { hostNumber: 0, address: A });
  const b = new DeviceNode(network, { hostNumber: 1, address: B });
  // Both know where the other is, so a datagram that moves one is healed by the next handshake.
  a.meet(b, { endpoint: B });
  b.meet(a, { endpoint: A });
  a.ping(b, 0);
  network.runFor(100);
  assert.ok(a.pongs.has(0));
  return { network, a, b };
}

function address(text: string): SimAddress {
  return { address: text, port: 51_820 };
}
