// Doors for tokens with the limits that they have in service: what comes too slowly or not at all
// is ended, by whichever door it came, and everybody else is served meanwhile.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { tokenApi } from '../../src/api/token-api.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { readTlsFiles } from '../../src/daemon/doors/tls-files.ts';
import { TokenScene } from '../api/token-scene.ts';

const TRICKLE_MS = 500;
const SLOW_AT_ONCE = 20;
/** Well above the limits of the doors: what is not ended by then is never ended. */
const ENDED_WITHIN_MS = 120_000;
const HEAD = 'POST /v1/apps HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
const BODY = `${HEAD}content-length: 1000\r\n\r\n{`;

type Open = () => Socket;

describe('doors and slow requests', { timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-slow-'));
  const cleanUps: (() => unknown)[] = [() => rmSync(folder, { recursive: true })];
  /** A connection through each door; through that with TLS, once it is encrypted. */
  const doors: Record<string, Open> = {};
  let tlsPort = 0;
  let scene: TokenScene;

  before(async () => {
    scene = await TokenScene.start();
    const door = { check: scene.check, logger: SILENT_LOGGER };
    const plain = tokenApi(scene.services, door);
    const secret = tokenApi(scene.services, { ...door, tls: await readTlsFiles(certificate()) });
    const inside = tokenApi(scene.services, door);
    for (const server of [plain, secret]) await server.listen({ host: '127.0.0.1', port: 0 });
    await inside.attend();
    // As the doors of networks do.
    const listener = createServer((socket) => inside.take(socket)).listen(0, '127.0.0.1');
    await new Promise((resolve) => listener.once('listening', resolve));
    cleanUps.push(() => listener.close());
    for (const server of [plain, secret, inside]) cleanUps.push(() => server.stop());
    const [port, insidePort] = [plain.app.server, listener].map(portOf);
    tlsPort = portOf(secret.app.server);
    Object.assign(doors, {
      loopback: () => connect(port as number, '127.0.0.1'),
      network: () => connect(insidePort as number, '127.0.0.1'),
      tls: () => connectTls({ port: tlsPort, host: '127.0.0.1', rejectUnauthorized: false }),
    } satisfies Record<string, Open>);
  });

  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });

  test('a header, a body and a silence without an end are ended, and others served', async () => {
    const slow: Promise<unknown>[] = [];
    for (const open of Object.values(doors)) {
      for (let number = 0; number < SLOW_AT_ONCE; number += 1) {
        slow.push(ended(open, 'GET / HTTP/1.1\r\n', 'x: y\r\n'), ended(open, BODY, ' '));
      }
      slow.push(ended(open, '', ''));
    }
    // A handshake that never comes.
    slow.push(ended(() => connect(tlsPort, '127.0.0.1'), '', ''));
    let isOver = false;
    const all = Promise.all(slow).finally(() => {
      isOver = true;
    });
    let answers = 0;
    while (!isOver) {
      for (const open of Object.values(doors)) {
        assert.match(
          await talk(open, 'GET /v1/apps HTTP/1.1\r\nhost: x\r\n\r\n'),
          /^HTTP\/1.1 401/,
        );
        answers += 1;
      }
      await Promise.race([all, new Promise((resolve) => setTimeout(resolve, TRICKLE_MS))]);
    }
    await all;
    assert.ok(answers > 3);
  });

  function certificate(): { readonly cert: string; readonly key: string } {
    const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
    const words = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1';
    const target = ['-subj', '/CN=p6n', '-keyout', files.key, '-out', files.cert];
    const made = spawnSync('openssl', [...words.split(' '), ...target], { encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    return files;
  }
});

function portOf(server: { address(): unknown }): number {
  return (server.address() as { port: number }).port;
}

/** Resolves when the server has ended a connection that says `first` and then `next` for ever. */
function ended(open: Open, first: string, next: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = open().on('error', () => undefined);
    const late = setTimeout(() => {
      socket.destroy();
      reject(new Error(`nobody has ended ${JSON.stringify(first)}`));
    }, ENDED_WITHIN_MS);
    socket.resume();
    if (first !== '') socket.write(first);
    const trickle = setInterval(() => {
      if (next !== '' && socket.writable) socket.write(next);
    }, TRICKLE_MS);
    socket.once('close', () => {
      clearTimeout(late);
      clearInterval(trickle);
      resolve();
    });
  });
}

function talk(open: Open, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = open().on('error', reject);
    socket.write(text);
    socket.setEncoding('utf8');
    socket.on('data', (data: string) => {
      answer += data;
      socket.end();
    });
    socket.on('close', () => resolve(answer));
  });
}
