// Which server a host asks, and whom it asks when that one is away.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostId } from '../../src/addressing/ids.ts';
import { P6nError } from '../../src/base/errors.ts';
import { ServerChoice } from '../../src/daemon/server-choice.ts';

const IDS = [0x10000, 0x10001, 0x10002] as HostId[];
const AWAY = new P6nError('SERVER_UNREACHABLE', 'Cannot reach it');

test('ServerChoice has hosts begin with different servers', () => {
  const first = (host: number) => choice(host).inOrder()[0]?.hostId;
  assert.equal(new Set([30, 31, 32].map(first)).size, IDS.length);
});

test('ServerChoice stays with the server that has answered', async () => {
  const one = choice(0);
  const asked: HostId[] = [];
  const [, , last] = one.inOrder().map(({ hostId }) => hostId);
  const ask = async (server: HostId): Promise<HostId> => {
    asked.push(server);
    return server === last ? server : await Promise.reject(AWAY);
  };
  assert.equal(await one.ask(ask), last);
  assert.equal(await one.ask(ask), last);
  assert.equal(asked.length, IDS.length + 1);
});

test('ServerChoice asks nobody else after a refusal', async () => {
  const refusal = new P6nError('NOT_PERMITTED', 'Cannot permit it');
  let asked = 0;
  const ask = (): Promise<never> => {
    asked += 1;
    return Promise.reject(refusal);
  };
  await assert.rejects(choice(0).ask(ask), refusal);
  assert.equal(asked, 1);
});

test('ServerChoice says so when nobody answers, and where there is no server', async () => {
  await assert.rejects(
    choice(0).ask(() => Promise.reject(AWAY)),
    AWAY,
  );
  const none = new ServerChoice(IDS[0] as HostId, () => []);
  await assert.rejects(
    none.ask(() => Promise.resolve(1)),
    { code: 'SERVER_UNREACHABLE' },
  );
});

test('ServerChoice.follow() goes on behind a server that is lost', async () => {
  const one = choice(0);
  const order = one.inOrder().map(({ hostId }) => hostId);
  const heard: HostId[] = [];
  const open = async function* (server: HostId): AsyncGenerator<HostId> {
    if (server === order[0]) throw AWAY;
    yield await Promise.resolve(server);
    throw AWAY;
  };
  const drain = async (): Promise<void> => {
    for await (const server of one.follow(open)) heard.push(server);
  };
  await assert.rejects(drain(), AWAY);
  await assert.rejects(drain(), AWAY);
  assert.deepEqual(heard, [order[1], order[2]]);
});

test('ServerChoice.follow() goes on behind a server that has nothing to tell', async () => {
  for (const code of ['REGISTRY_CLOSED', 'REGISTRY_CORRUPT', 'INTERNAL'] as const) {
    const one = choice(0);
    const [first, second] = one.inOrder().map(({ hostId }) => hostId);
    const open = async function* (server: HostId): AsyncGenerator<HostId> {
      if (server === first) throw new P6nError(code, 'Cannot follow');
      yield await Promise.resolve(server);
    };
    const heard = async (): Promise<HostId | undefined> => {
      for await (const server of one.follow(open)) return server;
      return undefined;
    };
    await assert.rejects(heard(), { code });
    assert.equal(await heard(), second);
  }
});

test('ServerChoice asks others behind a server whose registry is empty', async () => {
  const one = choice(0);
  const [first, second] = one.inOrder().map(({ hostId }) => hostId);
  const empty = new P6nError('REGISTRY_EMPTY', 'Cannot find it: there is no site in the registry');
  const ask = (server: HostId): Promise<HostId> =>
    server === first ? Promise.reject(empty) : Promise.resolve(server);
  assert.equal(await one.ask(ask), second);
});

function choice(host: number): ServerChoice {
  const servers = IDS.map((hostId) => ({ hostId, name: String(hostId) }));
  return new ServerChoice(host as HostId, () => servers);
}
