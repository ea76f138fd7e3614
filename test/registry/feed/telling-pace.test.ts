// How long followers wait for changes to come together: by how many of them are told at a time.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Broadcast } from '../../../src/registry/feed/broadcast.ts';
import { pauseAfterTelling } from '../../../src/registry/feed/telling-pace.ts';
import { networksOf, Site } from '../../fakes/site.ts';

test('pauseAfterTelling() grows with those who were told, between its bounds', () => {
  const pauses = [0, 1, 100, 400, 10_000].map(pauseAfterTelling);
  assert.deepEqual(pauses, [10, 10, 20, 80, 100]);
});

test('Broadcast tells many a change at once, and lets what follows it come together', async (t) => {
  const { told, putInstance } = await manyFollowers(t, 400);
  const nowMs = performance.now() + 1_000;
  t.mock.method(performance, 'now', () => nowMs);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  await putInstance(1);
  assert.equal(told(), 400);
  await putInstance(2);
  await putInstance(3);
  t.mock.timers.tick(79);
  assert.equal(told(), 400);
  t.mock.timers.tick(1);
  assert.equal(told(), 800);
});

test('Broadcast lets few followers wait for a moment only', async (t) => {
  const { told, putInstance } = await manyFollowers(t, 2);
  const nowMs = performance.now() + 1_000;
  t.mock.method(performance, 'now', () => nowMs);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  await putInstance(1);
  assert.equal(told(), 2);
  await putInstance(2);
  t.mock.timers.tick(9);
  assert.equal(told(), 2);
  t.mock.timers.tick(1);
  assert.equal(told(), 4);
});

interface Followers {
  /** How many chunks they were told since all had begun. */
  told(): number;
  /** Resolves when the broadcast has heard of it. */
  putInstance(number: number): Promise<void>;
}

async function manyFollowers(t: TestContext, count: number): Promise<Followers> {
  const site = new Site();
  const host = await site.start();
  const { app: web } = await site.registry.createApp({ name: 'web', network: 'blue' });
  const broadcast = new Broadcast(site.store);
  const ends = new AbortController();
  t.after(() => ends.abort());
  let chunks = 0;
  const begun = Array.from({ length: count }, () => {
    return new Promise<void>((resolve, reject) => {
      const take = (chunk: Uint8Array): undefined => {
        chunks += 1;
        if (Buffer.from(chunk).includes('"synced"')) resolve();
      };
      broadcast.follow(networksOf(web), undefined, ends.signal).each(take).catch(reject);
    });
  });
  await Promise.all(begun);
  const before = chunks;
  return {
    told: () => chunks - before,
    putInstance: async (number) => {
      await site.registry.putInstance(host.id, site.instance(web, host.id, number));
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
