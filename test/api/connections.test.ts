// The connections of clients: those that are kept between calls are used again, and one that the
// server has closed meanwhile costs nobody an error; those that are few are so many and no more.

import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { ApiClient } from '../../src/api/client.ts';
import { FewConnections, KeptConnections } from '../../src/api/connections.ts';
import { raw } from './sockets.ts';

test('KeptConnections serves calls one after the other by one connection', async () => {
  const { api, sockets } = await scene();
  for (let n = 0; n < 5; n += 1) await api.hosts.list();
  assert.equal(sockets.size, 1);
});

test('KeptConnections asks again where the server has closed the connection', async () => {
  const { api, sockets } = await scene();
  await api.hosts.list();
  const [first] = sockets;
  // Its end is on its way while the next call goes out.
  first?.resetAndDestroy();
  await api.hosts.list();
  assert.equal(sockets.size, 2);
});

test('FewConnections has a call wait for its connection where there are 16', async () => {
  const waiting: ServerResponse[] = [];
  const sockets = new Set<Socket>();
  const answer = (response: ServerResponse): void => {
    response.setHeader('content-type', 'application/json');
    response.end('{"hosts":[]}');
  };
  let most = 0;
  const target = await raw((request, response) => {
    sockets.add(request.socket);
    waiting.push(response);
    most = Math.max(most, waiting.length);
    // The first ones together, each next one as it comes.
    if (sockets.size >= 16) for (const one of waiting.splice(0)) answer(one);
  });
  assert.ok(target.kind === 'tcp');
  const api = new ApiClient({ target: { ...target, connections: new FewConnections() } });
  await Promise.all(Array.from({ length: 40 }, () => api.hosts.list()));
  assert.equal(most, 16);
  assert.equal(sockets.size, 40);
});

async function scene(): Promise<{ api: ApiClient; sockets: ReadonlySet<Socket> }> {
  const sockets = new Set<Socket>();
  const target = await raw((request, response) => {
    sockets.add(request.socket);
    response.setHeader('content-type', 'application/json');
    response.end('{"hosts":[]}');
  });
  assert.ok(target.kind === 'tcp');
  const connections = new KeptConnections();
  return { api: new ApiClient({ target: { ...target, connections } }), sockets };
}
