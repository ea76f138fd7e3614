// The socket of an interface: answers in order, numbers of errors as wg(8) reads them, and files
// that others left.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { InterfaceState } from '../../src/dataplane/standalone/config.ts';
import { serveUapi, type UapiInterface, type UapiServer } from '../../src/uapi/server.ts';
import { until } from '../api/sockets.ts';

const EMPTY: InterfaceState = { privateKey: undefined, listenPort: 7, mark: 0, peers: [] };
const NAME = 'wg-test';

test('serveUapi() answers operations in their order on one connection', async (t) => {
  const { ask } = await serve(t, device());
  assert.equal(await ask('get=1\n\nset=1\nfwmark=1\n\n'), 'listen_port=7\nerrno=0\n\nerrno=0\n\n');
});

test('serveUapi() reads no more questions than its answers are read', async (t) => {
  let asked = 0;
  const peer = {
    publicKey: new Uint8Array(32) as never,
    presharedKey: undefined,
    endpoint: undefined,
    lastHandshakeAt: undefined,
    sentBytes: 0,
    receivedBytes: 0,
    persistentKeepalive: 0,
    allowedIps: [],
  };
  const state = (): Promise<InterfaceState> => {
    asked += 1;
    return Promise.resolve({ ...EMPTY, peers: Array<typeof peer>(10_000).fill(peer) });
  };
  const { path } = await serve(t, { ...device(), state });
  const socket = connect(path);
  t.after(() => socket.destroy());
  socket.pause();
  socket.write('get=1\n\n'.repeat(50));
  await until(() => asked === 1);
  for (let round = 0; round < 100; round++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(asked, 1, 'the first answer is not read');
});

test('serveUapi() closes who is silent, and not who waits for a long change', async (t) => {
  const idleMs = 50;
  const change = () => new Promise<void>((resolve) => setTimeout(resolve, 4 * idleMs));
  const { path, ask } = await serve(t, { ...device(), change }, scratch(t), idleMs);
  assert.equal(await ask('set=1\nfwmark=1\n\n'), 'errno=0\n\n');
  const silent = connect(path);
  silent.resume();
  await once(silent, 'close');
});

test('serveUapi() says errors with a sign for set and without one for get', async (t) => {
  const taken = () => Promise.reject(new P6nError('PORT_TAKEN', 'Cannot listen: taken'));
  const { ask } = await serve(t, { state: taken, change: taken });
  assert.equal(await ask('set=1\nlisten_port=1\n\n'), 'errno=-98\n\n');
  assert.equal(await ask('get=1\n\n'), 'errno=98\n\n');
  assert.equal(await ask('set=1\nlisten_port=x\n\n'), 'errno=-22\n\n');
  assert.equal(await ask('hello\n'), 'errno=-71\n\n');
});

test('serveUapi() makes a socket for its user alone and removes it at the end', async (t) => {
  const { server, path } = await serve(t, device());
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await server.close();
  assert.ok(!existsSync(path));
});

test('serveUapi() takes the place of a file that nobody answers at', async (t) => {
  const folder = scratch(t);
  writeFileSync(join(folder, `${NAME}.sock`), '');
  const { ask } = await serve(t, device(), folder);
  assert.equal(await ask('get=1\n\n'), 'listen_port=7\nerrno=0\n\n');
});

test('serveUapi() refuses a place where another process answers', async (t) => {
  const folder = scratch(t);
  await serve(t, device(), folder);
  await assert.rejects(
    serve(t, device(), folder),
    (error) => error instanceof P6nError && error.code === 'ALREADY_RUNNING',
  );
});

test('serveUapi() leaves a file alone that another process has made since', async (t) => {
  const { server, path } = await serve(t, device());
  rmSync(path);
  writeFileSync(path, 'of somebody else');
  await server.close();
  assert.ok(existsSync(path));
});

function device(): UapiInterface {
  return { state: () => Promise.resolve(EMPTY), change: () => Promise.resolve() };
}

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-uapi-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function serve(
  t: TestContext,
  served: UapiInterface,
  folder: string = scratch(t),
  idleMs?: number,
): Promise<{ server: UapiServer; path: string; ask: (text: string) => Promise<string> }> {
  const server = await serveUapi({
    name: NAME,
    device: served,
    resolveZone: () => undefined,
    logger: SILENT_LOGGER,
    folder,
    staleWaitMs: 100,
    ...(idleMs === undefined ? {} : { idleMs }),
  });
  t.after(() => server.close());
  const path = join(folder, `${NAME}.sock`);
  return { server, path, ask: (text) => ask(path, text) };
}

/** Sends `text` and resolves with all that is answered. */
function ask(path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(path);
    socket.setEncoding('latin1');
    socket.on('data', (part: string) => {
      answer += part;
    });
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
    socket.end(text);
  });
}
