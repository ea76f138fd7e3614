// `p6nctl proxy` and `p6nctl ping`: what stands on the command line, and what is said in the end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VisitLine } from '../../src/api/contract/visits.ts';
import { type PingOptions, ping } from '../../src/cli/commands/proxy/ping.ts';
import { parseMapping } from '../../src/cli/commands/proxy/proxy.ts';
import { resolveTarget } from '../../src/cli/commands/proxy/visit.ts';
import { INSTANCE, NAME_ANSWER_SAMPLE, VISIT } from '../fakes/api-services.ts';
import { MemoryTerminal } from '../fakes/memory-terminal.ts';

test('parseMapping() takes a port, two ports, or a socket and a port', () => {
  const port = (local: number, remotePort: number) => ({
    local: { kind: 'port', port: local },
    remotePort,
  });
  assert.deepEqual(parseMapping('8080:80'), port(8080, 80));
  assert.deepEqual(parseMapping('80'), port(80, 80));
  assert.deepEqual(parseMapping('/run/a:b.sock:80'), {
    local: { kind: 'socket', path: '/run/a:b.sock' },
    remotePort: 80,
  });
  for (const text of ['', ':80', '80:', '0:80', '80:65536', 'a:80', '1:2:3', '/run/a.sock']) {
    assert.throws(() => parseMapping(text), { code: 'VALUE_INVALID' }, text);
  }
});

test('resolveTarget() asks for the visited network, and takes its addresses as such', async () => {
  const asked: unknown[] = [];
  const names = {
    lookup: (question: object) => {
      asked.push(question);
      return Promise.resolve(NAME_ANSWER_SAMPLE);
    },
  };
  assert.deepEqual(await resolveTarget({ names }, 'web.internal', VISIT), [INSTANCE.address]);
  assert.deepEqual(asked, [{ name: 'web.internal', network: String(VISIT.network_id) }]);
  assert.deepEqual(await resolveTarget({ names }, VISIT.address, VISIT), [VISIT.address]);
  const nobody = { lookup: () => Promise.resolve({ ...NAME_ANSWER_SAMPLE, records: [] }) };
  const missing = resolveTarget({ names: nobody }, 'idle.internal', VISIT);
  await assert.rejects(missing, { code: 'NOT_FOUND' });
});

test('resolveTarget() leads nowhere but into the visited network', async () => {
  for (const address of ['::1', '2001:db8::1', 'fdaa:0:0:1::1', 'fdaa:19:a7b:1:9::1']) {
    const records = NAME_ANSWER_SAMPLE.records.map((record) => ({ ...record, data: address }));
    const names = { lookup: () => Promise.resolve({ ...NAME_ANSWER_SAMPLE, records }) };
    const literal = resolveTarget({ names }, address, VISIT);
    await assert.rejects(literal, { code: 'VALUE_INVALID' }, address);
    const named = resolveTarget({ names }, 'evil.example', VISIT);
    await assert.rejects(named, { code: 'NOT_FOUND' }, address);
  }
});

test('ping() tells of each answer, and fails when there is none at all', async () => {
  const [each, all] = (await run([0.5])).split('\n');
  assert.equal(each, `${INSTANCE.address}: 0.50 ms`);
  assert.equal(all, '1 sent, 1 answered, 0 % lost; least, mean, most: 0.50, 0.50, 0.50 ms');
  assert.deepEqual(JSON.parse(await run([0.5], { json: true })), {
    ...{ address: INSTANCE.address, sent: 1, answered: 1 },
    ...{ min_ms: 0.5, average_ms: 0.5, max_ms: 0.5 },
  });
  await assert.rejects(run([undefined]), { code: 'TIMED_OUT' });
});

async function run(
  answers: readonly (number | undefined)[],
  options: Partial<PingOptions> = {},
): Promise<string> {
  const terminal = new MemoryTerminal(false);
  const left = [...answers];
  await ping({
    client: {
      visits: {
        visit,
        ping: () => {
          const roundTripMs = left.shift();
          return Promise.resolve(roundTripMs === undefined ? {} : { round_trip_ms: roundTripMs });
        },
      },
      names: { lookup: () => Promise.resolve(NAME_ANSWER_SAMPLE) },
    },
    ...{ terminal, json: false, onInterrupt: () => () => undefined },
    ...{ query: { network: 'blue' }, target: 'web.internal', count: answers.length },
    ...options,
  });
  return terminal.output;
}

/** Until it is told to end, as p6nd does. */
async function* visit(_: object, signal: AbortSignal): AsyncGenerator<VisitLine> {
  yield { type: 'visit', visit: VISIT };
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
