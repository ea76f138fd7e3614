// The doors for tokens on real sockets: TLS with certificates that change, limits of sources and of
// requests, and the listeners of networks.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { NetworkId } from '../../../src/addressing/ids.ts';
import { networkNameserverAddress } from '../../../src/addressing/layout.ts';
import { tokenApi } from '../../../src/api/token-api.ts';
import { SILENT_LOGGER } from '../../../src/base/logger.ts';
import { NetworkDoor } from '../../../src/daemon/doors/network-door.ts';
import { followTlsFiles, readTlsFiles } from '../../../src/daemon/doors/tls-files.ts';
import type { Ipv6Address } from '../../../src/ip/ipv6-address.ts';
import type { BoundAddress } from '../../../src/os/sockets.ts';
import { TokenScene } from '../../api/token-scene.ts';

const folder = mkdtempSync(join(tmpdir(), 'p6n-doors-'));
const paths = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
const cleanUps: (() => unknown)[] = [() => rmSync(folder, { recursive: true })];
after(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

const scene = await TokenScene.start();
const door = { check: scene.check, logger: SILENT_LOGGER };

/** A certificate of its own for `name`, in the folder as `prefix`. */
function makeCertificate(name: string, prefix: string): { cert: string; key: string } {
  const files = { cert: join(folder, `${prefix}cert.pem`), key: join(folder, `${prefix}key.pem`) };
  const words = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1'.split(
    ' ',
  );
  const target = ['-subj', `/CN=${name}`, '-keyout', files.key, '-out', files.cert];
  const made = spawnSync('openssl', [...words, ...target], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  return files;
}

async function listenOn(server: ReturnType<typeof tokenApi>): Promise<number> {
  await server.listen({ host: '127.0.0.1', port: 0 });
  cleanUps.push(() => server.stop());
  return (server.app.server.address() as { port: number }).port;
}

/** Who the server says that it is. */
function commonName(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

/** What comes back of `text`, until the server closes or has answered. */
function talk(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.setEncoding('utf8');
    socket.on('data', (data: string) => {
      answer += data;
      socket.end();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

test('a door with TLS shows the certificate of its files, also the next one', async () => {
  makeCertificate('one', '');
  const first = await readTlsFiles(paths);
  const server = tokenApi(scene.services, { ...door, tls: first });
  const port = await listenOn(server);
  assert.equal(await commonName(port), 'one');
  let changed: () => void = () => undefined;
  const followed = new Promise<void>((resolve) => {
    changed = resolve;
  });
  const onChange = (files: typeof first): void => {
    server.setTls(files);
    changed();
  };
  const follower = followTlsFiles(paths, first, { logger: SILENT_LOGGER, onChange }, 10);
  cleanUps.push(() => follower.stop());
  const next = makeCertificate('two', 'next-');
  // For a moment the two do not fit.
  renameSync(next.cert, paths.cert);
  assert.equal(await commonName(port), 'one');
  renameSync(next.key, paths.key);
  await followed;
  assert.equal(await commonName(port), 'two');
});

test('files that are no certificate and key are refused without a word of them', async () => {
  writeFileSync(join(folder, 'bad.pem'), 'SECRET');
  for (const bad of [
    { cert: paths.cert, key: join(folder, 'bad.pem') },
    { cert: join(folder, 'absent.pem'), key: paths.key },
  ]) {
    await assert.rejects(readTlsFiles(bad), (error: Error) => {
      assert.doesNotMatch(error.message, /SECRET/);
      return /Cannot serve TLS/.test(error.message);
    });
  }
});

test('a source has so many connections, and what it sends is bounded', async () => {
  const port = await listenOn(tokenApi(scene.services, door));
  const open: Socket[] = [];
  cleanUps.push(() => open.forEach((socket) => void socket.destroy()));
  for (let number = 0; number < 64; number += 1) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    open.push(socket);
    await new Promise((resolve) => socket.once('connect', resolve));
  }
  assert.equal(await talk(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'), '');
  for (const socket of open.splice(0)) socket.destroy();
  let answer = '';
  while (answer === '') answer = await talk(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  assert.match(answer, /^HTTP\/1.1 404/);
  const header = `x: ${'y'.repeat(30_000)}`;
  assert.match(await talk(port, `GET / HTTP/1.1\r\nhost: x\r\n${header}\r\n\r\n`), / 431 /);
  const token = await scene.token();
  const { status } = await scene.ask('POST /v1/apps', {
    token,
    payload: { name: 'x'.repeat(70_000) },
  });
  assert.equal(status, 413);
});

test('an answer that goes on ends with the token that opened it', async () => {
  const port = await listenOn(tokenApi(scene.services, door));
  const { record, token } = await scene.site.registry.tokens.create({});
  const other = await scene.token();
  const [revoked, kept] = await Promise.all([token, other].map((one) => follow(port, one)));
  assert.ok(revoked !== undefined && kept !== undefined);
  scene.revoked = new Set([record.id]);
  await new Promise((resolve) => revoked.once('close', resolve));
  assert.equal(kept.destroyed, false);
  kept.destroy();
  scene.revoked = new Set();
});

/** The feed of events, once it has begun. */
function follow(port: number, token: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    get({ port, host: '127.0.0.1', path: '/v1/events', headers }, (answer) => {
      answer.on('error', () => undefined).resume();
      resolve(answer);
    }).on('error', reject);
  });
}

test('listeners stand on the ::3 address of each network, once the API is open', async () => {
  const [red, blue] = [0x1_1111, 0x1_2222].map((id) => networkNameserverAddress(id as NetworkId));
  assert.ok(red !== undefined && blue !== undefined);
  const opened: string[] = [];
  const listenTcp = ({ address, port }: BoundAddress): number => {
    opened.push(`${address} ${port}`);
    if (address === blue) throw new Error('somebody has it');
    return -1;
  };
  const listeners: (readonly Ipv6Address[])[] = [];
  const names = {
    setZone: () => undefined,
    setListeners: (addresses: readonly Ipv6Address[]) => {
      listeners.push(addresses);
      return Promise.resolve();
    },
  };
  const networks = new NetworkDoor({ sockets: { listenTcp }, logger: SILENT_LOGGER });
  const beside = networks.beside(names);
  const all = ['fdaa::3' as Ipv6Address, red, blue];
  await beside.setListeners(all);
  assert.deepEqual(opened, []);
  networks.open({ take: () => undefined });
  assert.deepEqual(opened, [`${red} 4280`, `${blue} 4280`]);
  assert.deepEqual(listeners, [all]);
  networks.stop();
});

test('a connection that another listener has accepted is served and ended as any', async () => {
  const server = tokenApi(scene.services, door);
  const port = await takeFor(server);
  assert.match(await talk(port, 'GET /v1/apps HTTP/1.1\r\nhost: x\r\n\r\n'), /^HTTP\/1.1 401/);
  const open = connect(port, '127.0.0.1');
  await new Promise((resolve) => server.app.server.once('connection', resolve));
  const closed = new Promise((resolve) => open.once('close', resolve));
  await server.stop();
  await closed;
});

test('a request that does not arrive in time ends, whoever has accepted it', async () => {
  const server = tokenApi(scene.services, door);
  Object.assign(server.app.server, {
    connectionsCheckingInterval: 10,
    headersTimeout: 50,
    requestTimeout: 50,
  });
  const port = await takeFor(server);
  const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\n'));
  const trickle = setInterval(() => socket.write('x: y\r\n'), 10);
  const answer = await new Promise((resolve) => socket.once('data', resolve));
  clearInterval(trickle);
  socket.destroy();
  assert.match(String(answer), /^HTTP\/1.1 408/);
  await server.stop();
});

/** A port whose connections are taken by the server. */
async function takeFor(server: ReturnType<typeof tokenApi>): Promise<number> {
  await server.attend();
  const listener = createServer((socket) => server.take(socket)).listen(0, '127.0.0.1');
  cleanUps.push(() => listener.close());
  await new Promise((resolve) => listener.once('listening', resolve));
  return (listener.address() as { port: number }).port;
}
