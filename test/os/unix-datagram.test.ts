// Datagrams to unix sockets by path and by abstract name, as service managers offer either.

import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { sendUnixDatagram } from '../../src/os/linux/unix-datagram.ts';
import { NotifySocket } from '../fakes/notify-socket.ts';

for (const path of [join(tmpdir(), `p6n-notify-${process.pid}`), `@p6n-notify-${process.pid}`]) {
  test(`sendUnixDatagram() reaches ${path[0] === '@' ? 'an abstract name' : 'a path'}`, (t) => {
    const socket = new NotifySocket(path);
    t.after(() => socket.close());
    assert.equal(sendUnixDatagram(path, 'READY=1'), true);
    assert.equal(sendUnixDatagram(path, 'STOPPING=1'), true);
    assert.deepEqual(socket.heard(), ['READY=1', 'STOPPING=1']);
  });
}

test('sendUnixDatagram() says when nobody takes it', () => {
  assert.equal(sendUnixDatagram('/nonexistent/socket', 'READY=1'), false);
  assert.equal(sendUnixDatagram('@p6n-nobody', 'READY=1'), false);
  assert.equal(sendUnixDatagram(`/${'x'.repeat(200)}`, 'READY=1'), false);
});

test('sendUnixDatagram() does not wait for who reads nothing', (t) => {
  const socket = new NotifySocket(`@p6n-silent-${process.pid}`);
  t.after(() => socket.close());
  let sent = 0;
  while (sent < 10_000 && sendUnixDatagram(socket.path, 'WATCHDOG=1')) sent += 1;
  assert.ok(sent > 0 && sent < 10_000, `${sent} datagrams`);
});
