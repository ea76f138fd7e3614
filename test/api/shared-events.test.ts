// Those who wait for events share one feed: it begins with the first, ends with the last, and what
// ends it otherwise ends all of them.

import assert from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import { test } from 'node:test';
import type { EventView } from '../../src/api/contract/events.ts';
import { SharedEvents } from '../../src/api/shared-events.ts';

const OPERATOR = { kind: 'operator' } as const;
const ALL = (): boolean => true;

/** Feeds that tell what they are told to. */
class Feeds {
  begun = 0;
  running = 0;
  #say: ((event: EventView | Error) => void) | undefined;

  say(event: EventView | Error): void {
    this.#say?.(event);
  }

  async *events(_: unknown, _after: unknown, signal: AbortSignal): AsyncGenerator<EventView> {
    this.begun += 1;
    this.running += 1;
    try {
      yield event('begin');
      while (!signal.aborted) {
        const next = await new Promise<EventView | Error | undefined>((resolve) => {
          this.#say = resolve;
          signal.addEventListener('abort', () => resolve(undefined), { once: true });
        });
        if (next instanceof Error) throw next;
        if (next !== undefined) yield next;
      }
    } finally {
      this.running -= 1;
    }
  }
}

function event(id: string): EventView {
  return { revision: 'a-1', objects: [{ verb: 'updated', kind: 'instance', id }] } as never;
}

test('SharedEvents has one feed for all who wait, as long as somebody does', async () => {
  const feeds = new Feeds();
  const shared = new SharedEvents(feeds);
  const stop = new AbortController();
  // All of them listen for the one end.
  setMaxListeners(51, stop.signal);
  const waiters = Array.from({ length: 50 }, () => shared.follow(OPERATOR, ALL, stop.signal));
  await Promise.all(waiters.map((waiter) => waiter.next()));
  assert.deepEqual([feeds.begun, feeds.running], [1, 1]);
  // One that comes later need not wait for the beginning.
  const late = shared.follow(OPERATOR, ALL, stop.signal);
  assert.equal((await late.next()).done, false);
  const told = Promise.all([...waiters, late].map((waiter) => waiter.next()));
  feeds.say(event('x'));
  assert.ok((await told).every(({ done }) => done === false));
  const ends = [...waiters, late].map((waiter) => waiter.next());
  stop.abort();
  assert.ok((await Promise.all(ends)).every(({ done }) => done === true));
  assert.deepEqual([feeds.begun, feeds.running], [1, 0]);
  const again = shared.follow(OPERATOR, ALL, new AbortController().signal);
  await again.next();
  assert.deepEqual([feeds.begun, feeds.running], [2, 1]);
  await again.return(undefined);
  assert.equal(feeds.running, 0);
});

test('SharedEvents tells each of what concerns it', async () => {
  const feeds = new Feeds();
  const shared = new SharedEvents(feeds);
  const stop = new AbortController();
  const concerns = ({ objects }: EventView): boolean => objects.some(({ id }) => id === 'mine');
  const waiter = shared.follow(OPERATOR, concerns, stop.signal);
  const other = shared.follow(OPERATOR, ALL, stop.signal);
  await Promise.all([waiter.next(), other.next()]);
  let isTold = false;
  const next = waiter.next().then(() => {
    isTold = true;
  });
  feeds.say(event('not mine'));
  await other.next();
  assert.equal(isTold, false);
  feeds.say(event('mine'));
  await next;
  stop.abort();
});

test('SharedEvents ends all who wait with what ends the feed, and begins anew', async () => {
  const feeds = new Feeds();
  const shared = new SharedEvents(feeds);
  const stop = new AbortController();
  const waiters = [1, 2].map(() => shared.follow(OPERATOR, ALL, stop.signal));
  await Promise.all(waiters.map((waiter) => waiter.next()));
  const ends = waiters.map((waiter) => assert.rejects(waiter.next(), /the server went away/));
  feeds.say(new Error('the server went away'));
  await Promise.all(ends);
  await shared.follow(OPERATOR, ALL, stop.signal).next();
  assert.equal(feeds.begun, 2);
  stop.abort();
});
