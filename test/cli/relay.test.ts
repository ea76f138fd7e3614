// What `p6nctl proxy` carries: who may use its socket, and what is left behind when a flow comes to
// nothing.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { relayTcp } from '../../src/cli/commands/proxy/tcp-relay.ts';
import { relayUdp, WAITING_MAX } from '../../src/cli/commands/proxy/udp-relay.ts';

/** No address of this machine (RFC 3849). */
const FOREIGN = '2001:db8::1';
const LOOPBACK = '::1';
/** A connection that stays ends no test by itself. */
const LIMIT = { timeout: 10_000 };
const NOTHING = { resolve: () => Promise.resolve([]), port: 1, source: LOOPBACK };

test('relayTcp() makes a unix socket that was for nobody else at any time', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-relay-'));
  const path = join(folder, 'web.sock');
  const mask = process.umask(0);
  try {
    const listening = relayTcp({ path }, { ...NOTHING, onFailed: () => undefined });
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(process.umask(), 0);
    (await listening).close();
  } finally {
    process.umask(mask);
    rmSync(folder, { recursive: true });
  }
});

test(
  'relayTcp() leaves no connection to an instance for a program that has gone',
  LIMIT,
  async () => {
    const instance = createServer((socket) => socket.on('error', () => undefined).resume());
    await once(instance.listen(0, LOOPBACK), 'listening');
    const reached = once(instance, 'connection');
    const names = new EventEmitter();
    const asked = once(names, 'asked');
    const relay = await relayTcp(
      { host: LOOPBACK, port: 0 },
      {
        resolve: () => {
          names.emit('asked');
          return once(names, 'found');
        },
        port: (instance.address() as AddressInfo).port,
        source: LOOPBACK,
        onFailed: assert.ifError,
      },
    );
    const accepted = once(relay, 'connection');
    const program = connect((relay.address() as AddressInfo).port, LOOPBACK);
    const [carried] = await accepted;
    await asked;
    const gone = new Promise((resolve) => carried.once('close', resolve));
    program.resetAndDestroy();
    await gone;
    names.emit('found', LOOPBACK);
    const [connection] = await reached;
    await once(connection, 'close');
    relay.close();
    instance.close();
  },
);

test('relayUdp() leaves no socket behind for a datagram that cannot go on', async () => {
  const flows = new EventEmitter();
  const failed = once(flows, 'failed');
  const relay = await relayUdp(
    { host: '127.0.0.1', port: 0 },
    {
      ...NOTHING,
      resolve: () => Promise.resolve([LOOPBACK]),
      source: FOREIGN,
      onFailed: (error) => flows.emit('failed', error),
    },
  );
  const program = createSocket('udp4');
  await new Promise<void>((resolve) => program.bind(0, '127.0.0.1', resolve));
  const before = readdirSync('/proc/self/fd').length;
  program.send('hello', relay.address().port, '127.0.0.1');
  const [failure] = await failed;
  assert.equal(failure.code, 'EADDRNOTAVAIL');
  assert.equal(readdirSync('/proc/self/fd').length, before);
  program.close();
  relay.close();
});

test('relayUdp() keeps a bounded number of datagrams until the way is open', LIMIT, async (t) => {
  const arrived = new EventEmitter();
  let count = 0;
  const instance = createSocket('udp6').on('message', (message) => {
    count += 1;
    arrived.emit(String(message));
  });
  await new Promise<void>((resolve) => instance.bind(0, LOOPBACK, resolve));
  let open: (addresses: readonly string[]) => void = () => undefined;
  const target = {
    ...{ port: instance.address().port, source: LOOPBACK, onFailed: () => undefined },
    resolve: () =>
      new Promise<readonly string[]>((resolve) => {
        open = resolve;
      }),
  };
  const relay = await relayUdp({ host: '127.0.0.1', port: 0 }, target);
  let heard = 0;
  relay.on('message', () => {
    heard += 1;
  });
  const program = createSocket('udp4');
  t.after(() => {
    for (const socket of [program, relay, instance]) socket.close();
  });
  const { port } = relay.address();
  // One by one, so that the kernel drops none.
  for (let sent = 1; sent <= 2 * WAITING_MAX; sent += 1) {
    program.send('early', port, '127.0.0.1');
    while (heard < sent) await new Promise(setImmediate);
  }
  open([LOOPBACK]);
  while (count === 0) await new Promise(setImmediate);
  const late = once(arrived, 'late');
  program.send('late', port, '127.0.0.1');
  await late;
  assert.equal(count, WAITING_MAX + 1);
});
