// The feed of events on the wire: server-sent events that a reader goes on with after it was cut.

import assert from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import { test } from 'node:test';
import { operatorApi } from '../../src/api/api.ts';
import { P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { Revision } from '../../src/registry/model.ts';
import { EVENTS_SAMPLE, fakeServices, values } from '../fakes/api-services.ts';
import { all, client, failure, serve } from './sockets.ts';

const SIGNAL = new AbortController().signal;

async function get(url: string, headers: Record<string, string> = {}) {
  const asked: (Revision | undefined)[] = [];
  const services = fakeServices({
    registry: {
      events: (_principal, after) => {
        asked.push(after);
        return values(EVENTS_SAMPLE);
      },
    },
  });
  const { app } = operatorApi(services, SILENT_LOGGER);
  return { answer: await app.inject({ url, headers }), asked };
}

test('GET /v1/events sends server-sent events with revisions as their ids', async () => {
  const { answer, asked } = await get('/v1/events');
  assert.equal(answer.headers['content-type'], 'text/event-stream');
  const [heartbeat, ...events] = answer.body.split('\n\n').slice(0, -1);
  assert.equal(heartbeat, ':');
  assert.deepEqual(
    events,
    EVENTS_SAMPLE.map((event) => `id: ${event.revision}\ndata: ${JSON.stringify(event)}`),
  );
  assert.deepEqual(asked, [undefined]);
});

test('GET /v1/events goes on after `since`, and after Last-Event-ID before that', async () => {
  const seven = { incarnation: 'abc', number: 7 };
  assert.deepEqual((await get('/v1/events?since=abc.7')).asked, [seven]);
  const header = { 'last-event-id': 'abc.7' };
  assert.deepEqual((await get('/v1/events?since=abc.1', header)).asked, [seven]);
  for (const since of ['7', 'abc', 'abc.', '.7', 'abc.-1', 'a b.7']) {
    const { answer } = await get(`/v1/events?since=${encodeURIComponent(since)}`);
    assert.equal(answer.statusCode, 400, since);
  }
});

test('ApiClient.events() yields the events, and the error that ends them', async () => {
  const forgotten = new P6nError('REVISION_FORGOTTEN', 'Cannot tell: it is forgotten');
  const services = fakeServices({
    registry: {
      events: async function* () {
        yield* EVENTS_SAMPLE;
        await Promise.reject(forgotten);
      },
    },
  });
  const api = client(await serve(operatorApi(services, SILENT_LOGGER)));
  const seen: unknown[] = [];
  const reading = (async () => {
    for await (const event of api.events.follow(undefined, SIGNAL)) seen.push(event);
  })();
  assert.equal((await failure(reading)).code, 'REVISION_FORGOTTEN');
  assert.deepEqual(seen, EVENTS_SAMPLE);
});

test('GET /v1/events has a limited number of readers', async () => {
  const services = fakeServices({
    registry: {
      events: async function* (_principal, _after, signal) {
        yield* EVENTS_SAMPLE;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    },
  });
  const api = client(await serve(operatorApi(services, SILENT_LOGGER)));
  const aborts = new AbortController();
  // All of them listen for the one end.
  setMaxListeners(64, aborts.signal);
  const readers = Array.from({ length: 64 }, () =>
    api.events.follow(undefined, aborts.signal)[Symbol.asyncIterator](),
  );
  await Promise.all(readers.map((reader) => reader.next()));
  const error = await failure(all(api.events.follow(undefined, SIGNAL)));
  assert.equal(error.code, 'LIMIT_REACHED');
  aborts.abort();
});
