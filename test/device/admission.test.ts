// What stands between a flood and the device's time and memory: load gate, rate limiter, memories.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Millis } from '../../src/base/clock.ts';
import { parseEndpoint } from '../../src/device/endpoint.ts';
import { IndexTable } from '../../src/device/index-table.ts';
import { LOAD_HOLD_MS, LoadGate } from '../../src/device/load-gate.ts';
import { RATE_SOURCES_MAX, RateLimiter } from '../../src/device/rate-limiter.ts';
import {
  STAGED_BYTES_MAX,
  STAGED_PACKETS_MAX,
  StageOutcome,
  Staging,
  StagingBudget,
} from '../../src/device/staging.ts';
import { UNKNOWN_KEYS_MAX, UnknownKeys } from '../../src/device/unknown-keys.ts';
import type { PublicKey } from '../../src/wireguard/crypto/crypto.ts';
import type { Session } from '../../src/wireguard/session.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

const ENDPOINT = parseEndpoint({ address: '192.0.2.1', port: 1 })!;

test('LoadGate closes above a quarter of the last 100 ms and holds for a second', () => {
  const gate = new LoadGate();
  gate.charge(25, ms(1_000));
  assert.ok(!gate.isUnderLoad(ms(1_000)));
  gate.charge(0.1, ms(1_050));
  assert.ok(gate.isUnderLoad(ms(1_050)));
  assert.ok(gate.isUnderLoad(ms(1_050 + LOAD_HOLD_MS - 1)));
  assert.ok(!gate.isUnderLoad(ms(1_050 + LOAD_HOLD_MS)));
});

test('LoadGate forgets work after 100 ms', () => {
  const gate = new LoadGate();
  for (let n = 0; n < 100; n++) {
    gate.charge(24, ms(1_000 + 110 * n));
    assert.ok(!gate.isUnderLoad(ms(1_000 + 110 * n)));
  }
});

test('LoadGate stays closed while the work goes on', () => {
  const gate = new LoadGate();
  for (let n = 0; n < 500; n++) {
    gate.charge(4, ms(10 * n));
    if (n >= 10) assert.ok(gate.isUnderLoad(ms(10 * n)));
  }
});

test('RateLimiter allows a burst of 5 and then 20 a second', () => {
  const limiter = new RateLimiter();
  const allowed = (at: number, count: number) =>
    Array.from({ length: count }, () => limiter.allows('a', ms(at))).filter(Boolean).length;
  assert.equal(allowed(0, 10), 5);
  assert.equal(allowed(49, 1), 0);
  assert.equal(allowed(50, 2), 1);
  assert.equal(allowed(1_050, 50), 5, 'what was not used does not add up');
  assert.ok(limiter.allows('b', ms(1_050)), 'each source by itself');
});

test('RateLimiter remembers a bounded number of sources', () => {
  const limiter = new RateLimiter();
  for (let n = 0; n < RATE_SOURCES_MAX + 100; n++) limiter.allows(`${n}`, ms(0));
  assert.equal(limiter.size, RATE_SOURCES_MAX);
});

test('RateLimiter forgets the source that was quiet for longest', () => {
  const limiter = new RateLimiter();
  for (let n = 0; n < 5; n++) limiter.allows('old', ms(0));
  for (let n = 0; n < RATE_SOURCES_MAX - 1; n++) limiter.allows(`${n}`, ms(0));
  assert.ok(!limiter.allows('old', ms(0)));
  limiter.allows('one more', ms(0));
  assert.ok(!limiter.allows('old', ms(0)), 'it was used just before');
});

test('UnknownKeys remembers 64 keys for 30 s, each to be taken once', () => {
  const keys = new UnknownKeys();
  keys.remember(key(1), ENDPOINT, ms(0));
  assert.equal(keys.take(key(1), ms(29_999)), ENDPOINT);
  assert.equal(keys.take(key(1), ms(29_999)), undefined);
  keys.remember(key(1), ENDPOINT, ms(0));
  assert.equal(keys.take(key(1), ms(30_000)), undefined);
  for (let n = 0; n <= UNKNOWN_KEYS_MAX; n++) keys.remember(key(n), ENDPOINT, ms(0));
  assert.equal(keys.take(key(0), ms(0)), undefined, 'the oldest has given way');
  assert.equal(keys.take(key(1), ms(0)), ENDPOINT);
});

test('Staging keeps the newest 128 packets in order', () => {
  const staging = new Staging(new StagingBudget());
  for (let n = 0; n < STAGED_PACKETS_MAX; n++) {
    assert.equal(staging.push(Uint8Array.of(0, n, 0), 1, 1), StageOutcome.Staged);
  }
  assert.equal(staging.push(Uint8Array.of(200), 0, 1), StageOutcome.StagedForOldest);
  assert.equal(staging.length, STAGED_PACKETS_MAX);
  assert.deepEqual([...staging.shift()!], [1]);
  assert.equal(staging.clear(), STAGED_PACKETS_MAX - 1);
  assert.equal(staging.shift(), undefined);
});

test('Staging copies packets', () => {
  const staging = new Staging(new StagingBudget());
  const packet = Uint8Array.of(1, 2, 3);
  staging.push(packet, 0, 3);
  packet.fill(9);
  assert.deepEqual([...staging.shift()!], [1, 2, 3]);
});

test('Staging of all peers together stays within its budget, and gives it back', () => {
  const budget = new StagingBudget();
  const queues = Array.from({ length: 30 }, () => new Staging(budget));
  const packet = new Uint8Array(65_535);
  let refused = 0;
  for (const queue of queues) {
    for (let n = 0; n < 20; n++) {
      if (queue.push(packet, 0, packet.length) === StageOutcome.NoMemory) refused += 1;
    }
  }
  assert.ok(refused > 0);
  assert.ok(budget.used <= STAGED_BYTES_MAX);
  for (const queue of queues) queue.clear();
  assert.equal(budget.used, 0);
});

test('Staging gives back the memory of packets that are pushed out', () => {
  const budget = new StagingBudget();
  const staging = new Staging(budget);
  const packet = new Uint8Array(1_000);
  for (let n = 0; n < 10 * STAGED_PACKETS_MAX; n++) staging.push(packet, 0, packet.length);
  assert.ok(budget.used < STAGED_PACKETS_MAX * 1_200);
});

test('IndexTable gives out random indices and finds what they stand for', () => {
  const table = new IndexTable<string>(new SeededRandom(3));
  const space = table.spaceOf(() => 'owner');
  const indices = Array.from({ length: 1_000 }, () => space.claim());
  assert.equal(new Set(indices).size, 1_000);
  assert.ok(
    indices.some((index) => index > 0x8000_0000),
    'the upper half is used',
  );
  const first = indices[0]!;
  assert.deepEqual(table.get(first), { owner: 'owner', session: undefined });
  const session = {} as Session;
  space.bind(first, session);
  assert.equal(table.get(first)?.session, session);
  space.release(first);
  assert.equal(table.get(first), undefined);
  assert.equal(table.size, 999);
});

test('IndexTable draws again when an index is taken', () => {
  let draws = 0;
  const table = new IndexTable<string>({ fill: (bytes) => bytes.fill(draws++ < 2 ? 7 : 9) });
  const space = table.spaceOf(() => 'owner');
  assert.notEqual(space.claim(), space.claim());
  assert.equal(draws, 3);
});

function key(n: number): PublicKey {
  return new Uint8Array(32).fill(n) as PublicKey;
}

function ms(value: number): Millis {
  return value as Millis;
}
