// Streams of lines between a client and a server: they end when they should, and a reader that
// stands makes its source stand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operatorApi } from '../../src/api/api.ts';
import { ApiClient } from '../../src/api/client.ts';
import type { OutputLine } from '../../src/api/contract/output.ts';
import type { ApiTarget } from '../../src/api/exchange.ts';
import { encodeLines } from '../../src/api/line-reply.ts';
import { streamLines } from '../../src/api/line-stream.ts';
import { P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { FollowEvent } from '../../src/registry/model.ts';
import { FEED, FEED_TEXT, fakeServices, SECRET } from '../fakes/api-services.ts';
import { all, client, failure, mesh, raw, serve, until } from './sockets.ts';

test('ApiClient.follow() yields the feed until it is aborted', async () => {
  const aborted: string[] = [];
  const services = fakeServices({
    follow: {
      follow: async function* (_principal, _networks, _after, signal) {
        signal.addEventListener('abort', () => aborted.push('server'));
        yield* FEED_TEXT;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    },
  });
  const target: ApiTarget = { kind: 'socket', path: await mesh(services) };
  const abort = new AbortController();
  const events: FollowEvent[] = [];
  for await (const event of new ApiClient({ target, secret: SECRET }).self.follow(
    new Set(),
    undefined,
    abort.signal,
  )) {
    events.push(event);
    if (event.type === 'synced') abort.abort();
  }
  assert.deepEqual(events, FEED);
  await until(() => aborted.length === 1);
});

test('ApiClient.follow() fails when the feed ends by itself', async () => {
  const target: ApiTarget = { kind: 'socket', path: await mesh(fakeServices()) };
  const api = new ApiClient({ target, secret: SECRET });
  const error = await failure(
    all(api.self.follow(new Set(), undefined, new AbortController().signal)),
  );
  assert.equal(error.code, 'DAEMON_UNREACHABLE');
});

test('ApiClient.follow() fails with the error that the server met', async () => {
  const lost = new P6nError('REGISTRY_UNAVAILABLE', 'Cannot read the registry: it is away');
  const services = fakeServices({
    follow: {
      follow: async function* () {
        yield* FEED_TEXT;
        await Promise.reject(lost);
      },
    },
  });
  const target: ApiTarget = { kind: 'socket', path: await mesh(services) };
  const api = new ApiClient({ target, secret: SECRET });
  const error = await failure(
    all(api.self.follow(new Set(), undefined, new AbortController().signal)),
  );
  assert.equal(error.code, 'REGISTRY_UNAVAILABLE');
});

test('ApiClient.output() yields what the command wrote and how it ended', async () => {
  const api = client(await serve(operatorApi(fakeServices(), SILENT_LOGGER)));
  const lines = await all<OutputLine>(
    api.instances.output('web-1', { follow: true, tailBytes: 1 }, new AbortController().signal),
  );
  assert.deepEqual(lines, [
    { type: 'stdout', data: 'b3V0Cg==' },
    { type: 'stderr', data: 'ZXJyCg==' },
    { type: 'skipped', bytes: 12 },
    { type: 'exit', code: 0 },
  ]);
});

test('a source is not read faster than the reader takes it', async () => {
  let produced = 0;
  const data = new Uint8Array(65_536);
  const services = fakeServices({
    instances: {
      output: async function* () {
        for (; produced < 10_000; produced += 1) {
          await Promise.resolve();
          yield { type: 'output', stream: 'stdout', data };
        }
      },
    },
  });
  const api = client(await serve(operatorApi(services, SILENT_LOGGER)));
  const abort = new AbortController();
  const lines = api.instances
    .output('web-1', { follow: true }, abort.signal)
    [Symbol.asyncIterator]();
  await lines.next();
  // The buffers between the two ends fill, and then the source stands.
  let before = -1;
  await until(() => {
    const still = produced === before;
    before = produced;
    return still;
  });
  assert.ok(produced < 1_000, `${produced} were produced for a reader of one`);
  abort.abort();
  await lines.return?.();
});

const BROKEN: Readonly<Record<string, string>> = {
  'is silent': '{"type":"heartbeat"}\n',
  'ends within a line': '{"type":"heart',
  'is not JSON': 'what\n',
  'has a line without a type': '{}\n',
};

for (const [name, text] of Object.entries(BROKEN)) {
  test(`a stream that ${name} is an error`, async () => {
    const target = await raw((_request, response) => {
      if (name === 'is silent') response.write(text);
      else response.end(text);
    });
    const exchange = {
      target,
      method: 'GET',
      path: '/',
      headers: {},
      body: undefined,
      timeoutMs: 5_000,
      signal: undefined,
    } as const;
    const error = await failure(all(streamLines(exchange, { silenceMs: 100 })));
    assert.equal(error.code, 'SERVER_UNREACHABLE');
  });
}

test('encodeLines() says so when its source has nothing to say', async () => {
  let wake: () => void = () => undefined;
  const source = (async function* (): AsyncGenerator<{ type: string }> {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
    yield { type: 'value' };
  })();
  const lines = encodeLines(source, 5);
  const heard: string[] = [];
  for await (const line of lines) {
    heard.push(line);
    if (heard.length === 3) wake();
  }
  assert.deepEqual(heard.slice(0, 3), new Array(3).fill('{"type":"heartbeat"}\n'));
  assert.equal(heard.at(-1), '{"type":"value"}\n');
});
