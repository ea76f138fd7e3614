// What is remembered of other servers' replies, and for how long.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UpstreamReply } from '../../src/dns/forwarded.ts';
import { type CacheLimits, ReplyCache } from '../../src/nameserver/cache.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

const LIMITS: CacheLimits = { entriesMax: 3, bytesMax: 10_000, lifetimeSecondsMax: 100 };

test('ReplyCache.get() gives a reply with its age until its lifetime is over', () => {
  const clock = new ManualClock();
  const cache = new ReplyCache(LIMITS);
  const reply = makeReply(30);
  cache.put('a', reply, clock.now());
  assert.deepEqual(cache.get('a', clock.now()), { reply, ageSeconds: 0 });
  clock.advance(29_999);
  assert.deepEqual(cache.get('a', clock.now()), { reply, ageSeconds: 29 });
  clock.advance(1);
  assert.equal(cache.get('a', clock.now()), undefined);
  assert.equal(cache.size, 0);
});

test('ReplyCache.put() remembers nothing that may not be', () => {
  const clock = new ManualClock();
  const cache = new ReplyCache(LIMITS);
  cache.put('a', makeReply(30), clock.now());
  cache.put('a', makeReply(0), clock.now());
  assert.equal(cache.get('a', clock.now()), undefined);
});

test('ReplyCache.put() remembers nothing longer than the limit', () => {
  const clock = new ManualClock();
  const cache = new ReplyCache(LIMITS);
  cache.put('a', makeReply(86_400), clock.now());
  clock.advance(100_000);
  assert.equal(cache.get('a', clock.now()), undefined);
});

test('ReplyCache.put() lets the least recently used give way', () => {
  const clock = new ManualClock();
  const cache = new ReplyCache(LIMITS);
  for (const key of ['a', 'b', 'c']) cache.put(key, makeReply(30), clock.now());
  cache.get('a', clock.now());
  cache.put('d', makeReply(30), clock.now());
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].filter((key) => cache.get(key, clock.now()) !== undefined),
    ['a', 'c', 'd'],
  );
});

test('ReplyCache.put() keeps to its bytes', () => {
  const clock = new ManualClock();
  const cache = new ReplyCache(LIMITS);
  cache.put('large', makeReply(30, 20_000), clock.now());
  assert.equal(cache.size, 0);
  for (const key of ['a', 'b', 'c']) cache.put(key, makeReply(30, 4000), clock.now());
  assert.equal(cache.size, 2);
  cache.put('c', makeReply(30, 4000), clock.now());
  assert.equal(cache.size, 2);
  cache.clear();
  for (const key of ['a', 'b']) cache.put(key, makeReply(30, 4000), clock.now());
  assert.equal(cache.size, 2);
});

function makeReply(lifetimeSeconds: number, length = 50): UpstreamReply {
  return {
    bytes: new Uint8Array(length),
    questionEnd: 20,
    rcode: 0,
    truncated: false,
    lifetimeSeconds,
    ttlOffsets: [],
  };
}
