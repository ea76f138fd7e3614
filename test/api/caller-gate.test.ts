// Who shares an address with a host takes nothing from its p6nd.

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { meshApi } from '../../src/api/api.ts';
import { CallerGate } from '../../src/api/caller-gate.ts';
import { OPERATOR_HEADER } from '../../src/api/contract/protocol.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { fakeServices, SECRET } from '../fakes/api-services.ts';

test('CallerGate keeps places for callers that prove who they are', async (t) => {
  const taken: Socket[] = [];
  const server = createServer((socket) => taken.push(socket));
  const gate = new CallerGate(server, { provedMax: 2, unprovedMax: 2 });
  await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
  const { port } = server.address() as { port: number };
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const enter = async (): Promise<Socket> => {
    const arrived = once(server, 'connection');
    const socket = connect(port, '::1').on('error', () => undefined);
    sockets.push(socket);
    await arrived;
    return socket;
  };
  const closed = async (socket: Socket): Promise<void> => {
    if (!socket.closed) await once(socket, 'close');
  };
  await enter();
  gate.prove(taken[0] as Socket);
  const idle = await enter();
  await enter();
  await enter();
  await closed(idle);
  assert.ok(!sockets[0]?.closed, 'the one that has proved itself stays');
  gate.prove(taken[3] as Socket);
  gate.prove(taken[3] as Socket);
  gate.prove(taken[2] as Socket);
  await closed(sockets[2] as Socket);
  assert.ok(!sockets[0]?.closed && !sockets[3]?.closed);
});

test('CallerGate makes room for many that come at once', () => {
  const server = new EventEmitter();
  new CallerGate(server as Server, { provedMax: 2, unprovedMax: 2 });
  const ended: number[] = [];
  for (let number = 0; number < 6; number++) {
    const destroy = (): unknown => ended.push(number);
    // None tells of its end while the others come.
    server.emit('connection', Object.assign(new EventEmitter(), { remoteAddress: '::1', destroy }));
  }
  assert.deepEqual(ended, [0, 1, 2, 3]);
});

test('meshApi() lets the p6nctl of one host keep none of another from the events', async () => {
  const asked: number[] = [];
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const services = fakeServices({
    registry: {
      events: async function* (principal) {
        if (principal.kind === 'host-operator') asked.push(principal.host);
        yield* [];
        await ended;
      },
    },
  });
  const { app } = meshApi(services, SILENT_LOGGER);
  const headers = { authorization: `Bearer ${SECRET}`, [OPERATOR_HEADER]: '1' };
  const ask = (host: number) =>
    app.inject({ url: '/v1/events', remoteAddress: `fdaa::1:${host}:0:0:1`, headers });
  const greedy = Array.from({ length: 64 }, () => ask(1));
  const refused = await Promise.any(
    greedy.map(async (one) => ((await one).statusCode < 400 ? Promise.reject() : await one)),
  );
  assert.equal(JSON.parse(refused.body).code, 'LIMIT_REACHED');
  const other = ask(2);
  while (!asked.includes(0x1_0002)) await new Promise(setImmediate);
  end();
  await Promise.all([...greedy, other]);
});

test('meshApi() answers a host so often and no more, and others all the same', async () => {
  const { app } = meshApi(fakeServices(), SILENT_LOGGER);
  const ask = async (remoteAddress: string): Promise<number> => {
    const headers = { authorization: `Bearer ${SECRET}` };
    const url = '/v1/self/next-key';
    return (await app.inject({ method: 'GET', url, remoteAddress, headers })).statusCode;
  };
  let answered = 0;
  for (let status = 200; status === 200 && answered < 20_000; answered += 1) {
    status = await ask('fdaa::1:1:0:0:1');
  }
  assert.ok(answered > 4_096 && answered < 20_000, `${answered}`);
  assert.equal(await ask('fdaa::1:2:0:0:1'), 200);
});
