// What a data plane does when the machine sleeps, is cloned, or changes its routes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MachineWatch } from '../../../src/dataplane/worker/machine-watch.ts';
import { SLEEP_MS_MIN } from '../../../src/dataplane/worker/sleep-guard.ts';
import { FakeNews } from '../../fakes/fake-news.ts';

test('MachineWatch lets go of local addresses when routes change', () => {
  const world = new MachineWorld();
  world.watch.takeNews();
  assert.deepEqual(world.take(), [], 'nothing was told');
  world.routeNews.isTold = true;
  world.watch.takeNews();
  assert.deepEqual(world.take(), ['routes changed']);
});

test('MachineWatch has sessions forgotten when the machine is a clone', () => {
  const world = new MachineWorld();
  world.cloneNews.isTold = true;
  world.watch.takeNews();
  assert.deepEqual(world.take(), ['sessions forgotten']);
});

test('MachineWatch has sessions forgotten once after a sleep', () => {
  const world = new MachineWorld();
  world.slept = SLEEP_MS_MIN;
  world.watch.checkSleep();
  world.watch.checkSleep();
  assert.deepEqual(world.take(), ['sessions forgotten']);
});

test('MachineWatch watches its news until it is closed', () => {
  const world = new MachineWorld();
  assert.deepEqual([...world.watched], [1, 4]);
  world.watch.close();
  assert.deepEqual([...world.watched], []);
});

class MachineWorld {
  slept = 0;
  readonly routeNews = new FakeNews(1);
  readonly cloneNews = new FakeNews(4);
  readonly watched = new Set<number>();
  readonly watch: MachineWatch;
  readonly #done: string[] = [];

  constructor() {
    this.watch = new MachineWatch({
      forgetSessions: () => this.#done.push('sessions forgotten'),
      routesChanged: () => this.#done.push('routes changed'),
      clocks: {
        now: () => (1_000 + this.slept) as never,
        awakeNow: () => 1_000 as never,
        wallNow: () => (1e12 + this.slept) as never,
      },
      poller: {
        add: (descriptor) => this.watched.add(descriptor),
        remove: (descriptor) => this.watched.delete(descriptor),
      },
      routeNews: this.routeNews,
      cloneNews: this.cloneNews,
    });
  }

  /** What was done since the last call. */
  take(): string[] {
    return this.#done.splice(0);
  }
}
