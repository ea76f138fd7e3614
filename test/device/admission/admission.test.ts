// What stands between a flood and the device's time: load gate, rate limiter, unknown keys.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Millis } from '../../../src/base/clock.ts';
import { LOAD_HOLD_MS, LoadGate } from '../../../src/device/admission/load-gate.ts';
import { RATE_SOURCES_MAX, RateLimiter } from '../../../src/device/admission/rate-limiter.ts';
import { UNKNOWN_KEYS_MAX, UnknownKeys } from '../../../src/device/admission/unknown-keys.ts';
import { parseEndpoint } from '../../../src/device/peers/endpoint.ts';
import type { PublicKey } from '../../../src/wireguard/crypto/crypto.ts';

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

function key(n: number): PublicKey {
  return new Uint8Array(32).fill(n) as PublicKey;
}

function ms(value: number): Millis {
  return value as Millis;
}
