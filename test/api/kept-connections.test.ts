// Connections that are kept between calls: they are used again, and one that the server has closed
// meanwhile costs nobody an error.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { ApiClient } from '../../src/api/client.ts';
import { KeptConnections } from '../../src/api/kept-connections.ts';
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
