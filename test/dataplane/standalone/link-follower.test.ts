// What a stand-alone interface does when its link changes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { P6nError } from '../../../src/base/errors.ts';
import { MTU_DEFAULT } from '../../../src/dataplane/standalone/engine.ts';
import { LinkFollower, REFRESH_MS } from '../../../src/dataplane/standalone/link-follower.ts';
import type { StandaloneEvent } from '../../../src/dataplane/standalone/messages.ts';
import type { TunState } from '../../../src/os/network-news.ts';
import { FakeNews } from '../../fakes/fake-news.ts';

test('LinkFollower follows up, down, MTU and deletion', () => {
  const world = new LinkWorld();
  assert.deepEqual(world.take(), []);
  world.state = { isUp: true, mtu: 9_000 };
  world.follower.takeNews(world.now());
  assert.deepEqual(world.take(), [], 'nothing was told');
  world.tell();
  world.follower.takeNews(world.now());
  assert.deepEqual(world.take(), ['mtu 9000', 'up', 'link true']);
  world.state = { isUp: false, mtu: 9_000 };
  world.follower.refreshIfDue(world.now());
  assert.deepEqual(world.take(), [], 'not yet due');
  world.passed += REFRESH_MS;
  world.follower.refreshIfDue(world.now());
  assert.deepEqual(world.take(), ['down', 'link false']);
  world.state = undefined;
  world.follower.refresh(world.now());
  world.follower.refresh(world.now());
  assert.deepEqual(world.take(), ['gone'], 'told once');
});

test('LinkFollower tries again when the port is taken, and says so once', () => {
  const world = new LinkWorld();
  world.upError = new P6nError('PORT_TAKEN', 'Cannot listen: taken');
  world.state = { isUp: true, mtu: MTU_DEFAULT };
  for (let n = 0; n < 3; n++) world.follower.refresh(world.now());
  assert.deepEqual(world.take(), ['link Cannot listen: taken']);
  world.upError = undefined;
  world.follower.refresh(world.now());
  assert.deepEqual(world.take(), ['up', 'link true']);
});

test('LinkFollower watches where the interface has moved to', () => {
  const world = new LinkWorld();
  world.follower.refresh(world.now());
  assert.deepEqual(world.watched, [2]);
  world.linkNews = new FakeNews(3);
  world.follower.refresh(world.now());
  assert.deepEqual(world.watched, [3]);
  world.follower.close();
  assert.deepEqual(world.watched, []);
});

class LinkWorld {
  passed = 0;
  state: TunState | undefined = { isUp: false, mtu: MTU_DEFAULT };
  upError: P6nError | undefined;
  linkNews = new FakeNews(2);
  readonly watched: number[] = [];
  readonly follower: LinkFollower;
  readonly #done: string[] = [];
  #isUp = false;

  constructor() {
    const world = this;
    this.follower = new LinkFollower(
      {
        engine: {
          get isUp() {
            return world.#isUp;
          },
          up: () => this.#up(),
          down: () => {
            this.#isUp = false;
            this.#done.push('down');
          },
          setMtu: (mtu) => this.#done.push(`mtu ${mtu}`),
        },
        poller: {
          add: (descriptor) => this.watched.push(descriptor),
          remove: (descriptor) => this.watched.splice(this.watched.indexOf(descriptor), 1),
        },
        watchTun: () => ({
          get news() {
            return world.linkNews;
          },
          read: () => this.state,
          close: () => undefined,
        }),
      },
      9,
      (report) => this.#done.push(words(report)),
    );
    this.follower.refresh(this.now());
    this.take();
  }

  now(): never {
    return (1_000 + this.passed) as never;
  }

  tell(): void {
    this.linkNews.isTold = true;
  }

  /** What was done since the last call. */
  take(): string[] {
    return this.#done.splice(0);
  }

  #up(): void {
    if (this.upError !== undefined) throw this.upError;
    this.#isUp = true;
    this.#done.push('up');
  }
}

function words(report: StandaloneEvent): string {
  return report.type === 'link' ? `link ${report.error?.message ?? report.isUp}` : report.type;
}
