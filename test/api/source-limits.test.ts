// Places for connections: however many sources take all that they get, the next one gets a place.

import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { limitConnections } from '../../src/api/source-limits.ts';

const server = createServer();
const opened: Socket[] = [];
after(() => {
  for (const socket of opened) socket.destroy();
  server.close();
});

test('limitConnections leaves a place to sources that have none', async () => {
  limitConnections(server, { perSource: 16, all: 16 });
  server.on('connection', (socket: Socket) => socket.resume().write('.'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  let held = 0;
  for (let source = 1; source <= 6; source += 1) {
    let own = 0;
    while (await isServed(port, `127.0.0.${source}`)) own += 1;
    assert.ok(own >= 1, `source ${source}`);
    held += own;
  }
  assert.ok(held < 16, `${held} are held`);
});

function isServed(port: number, localAddress: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    opened.push(socket);
    socket.once('data', () => resolve(true));
    socket.once('close', () => resolve(false));
    socket.on('error', () => undefined);
  });
}
