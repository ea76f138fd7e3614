// Endpoints: how a name becomes an address that is used for as long as it is right.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EndpointBook, REFRESH_MS } from '../../src/agent/endpoints.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';
import { ManualTimers, until } from './agent-world.ts';

test('EndpointBook takes the first endpoint whose address is known', async () => {
  const world = makeWorld();
  const endpoints = ['junk', 'a.example:1', '192.0.2.1:2'];
  world.book.setNames(new Set(['a.example']));
  assert.deepEqual(world.book.lookup(endpoints)[0], { address: '192.0.2.1', port: 2 });
  await until(() => world.changes === 1);
  assert.deepEqual(world.book.lookup(endpoints), [
    { address: '192.0.2.9', port: 1 },
    { address: '192.0.2.1', port: 2 },
  ]);
  assert.deepEqual(world.book.lookup([]), []);
  world.book.resolveAgain(endpoints);
  await until(() => world.asked === 2);
});

test('EndpointBook passes over endpoints inside the mesh and those with a zone', async () => {
  const world = makeWorld();
  const inside = ['[fdaa:0:0:1:0::1]:1', '[FDAA::3]:1', '[fe80::1%eth0]:1'];
  assert.deepEqual(world.book.lookup([...inside, '192.0.2.1:2']), [
    { address: '192.0.2.1', port: 2 },
  ]);
  assert.deepEqual(world.book.lookup(inside), []);
  world.answer = ['fdaa::3', '192.0.2.9'];
  world.book.setNames(new Set(['a.example']));
  await until(() => world.changes === 1);
  assert.deepEqual(world.book.lookup(['a.example:1']), [{ address: '192.0.2.9', port: 1 }]);
});

test('EndpointBook keeps an address while its name cannot be resolved', async () => {
  const world = makeWorld();
  world.book.setNames(new Set(['a.example']));
  await until(() => world.changes === 1);
  world.answer = undefined;
  world.timers.fire(REFRESH_MS);
  await until(() => world.asked === 2);
  assert.equal(world.book.lookup(['a.example:1'])[0]?.address, '192.0.2.9');
});

test('EndpointBook moves to another address when the name does', async () => {
  const world = makeWorld();
  world.book.setNames(new Set(['a.example']));
  await until(() => world.changes === 1);
  world.answer = ['192.0.2.10'];
  world.timers.fire(REFRESH_MS);
  await until(() => world.changes === 2);
  assert.equal(world.book.lookup(['a.example:1'])[0]?.address, '192.0.2.10');
});

test('EndpointBook forgets a name that nobody uses', async () => {
  const world = makeWorld();
  world.book.setNames(new Set(['a.example']));
  await until(() => world.changes === 1);
  world.book.close();
  world.timers.fire(REFRESH_MS);
  assert.equal(world.asked, 1);
  assert.deepEqual(world.book.lookup(['a.example:1']), []);
});

interface World {
  readonly book: EndpointBook;
  readonly timers: ManualTimers;
  answer: readonly string[] | undefined;
  asked: number;
  changes: number;
}

function makeWorld(): World {
  const timers = new ManualTimers();
  const resolve = (): Promise<readonly string[]> => {
    world.asked += 1;
    return world.answer === undefined
      ? Promise.reject(new Error('no such name'))
      : Promise.resolve(world.answer);
  };
  const book = new EndpointBook({
    resolver: { resolve },
    timers,
    random: new SeededRandom(1),
    logger: SILENT_LOGGER,
    onChange: () => {
      world.changes += 1;
    },
  });
  const world: World = { book, timers, answer: ['192.0.2.9'], asked: 0, changes: 0 };
  return world;
}
