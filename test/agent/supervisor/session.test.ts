// A session with a supervisor that is no process: what p6nd makes of lines that come together.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  EXIT_FILE,
  encodeLine,
  PROTOCOL_VERSION,
  SOCKET_FILE,
  type SupervisorMessage,
} from '../../../src/agent/supervisor/protocol.ts';
import { SupervisorSession } from '../../../src/agent/supervisor/session.ts';
import type { WallMillis } from '../../../src/base/clock.ts';

const HELLO: SupervisorMessage = {
  type: 'hello',
  version: PROTOCOL_VERSION,
  pid: process.pid,
  state: 'running',
};
const EXIT = { code: 3, signal: undefined, at: 1 as WallMillis };

test('SupervisorSession.follow() bears an end that comes with the greeting', async (t) => {
  const directory = await serve(t, encodeLine(HELLO) + encodeLine({ type: 'exit', exit: EXIT }));
  const session = await SupervisorSession.connect(directory);
  const events = [];
  for await (const event of session.follow({ bytes: 100 }, new AbortController().signal))
    events.push(event);
  assert.deepEqual(events, [{ type: 'exit', exit: { code: 3, at: 1 } }]);
});

test('SupervisorSession.find() tells a supervisor that says nothing from none', async (t) => {
  const directory = await serve(t, '');
  await assert.rejects(SupervisorSession.find(directory), /it has ended/);
  await rm(join(directory, SOCKET_FILE));
  assert.equal(await SupervisorSession.find(directory), undefined);
  assert.equal(await SupervisorSession.find(join(directory, 'absent')), undefined);
});

test('SupervisorSession.stop() kills a supervisor that does not end', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'p6n-'));
  t.after(() => rm(directory, { recursive: true }));
  const hello = encodeLine({ ...HELLO, pid: 0 });
  const deaf = `
    const hello = ${JSON.stringify(hello)}.replace('"pid":0', '"pid":' + process.pid);
    require('node:net').createServer((socket) => socket.resume().write(hello))
      .listen('${join(directory, SOCKET_FILE)}', () => console.log('listens'));
  `;
  const child = spawn(process.execPath, ['-e', deaf], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  const session = await SupervisorSession.connect(directory);
  await session.stop(0, 10);
  assert.deepEqual(await exited, [null, 'SIGKILL']);
  assert.equal(await session.ended, undefined);
});

/** A supervisor's directory, whose socket says `text` to everybody in one piece and ends. */
async function serve(t: TestContext, text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'p6n-'));
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(text);
  });
  t.after(async () => {
    server.close();
    await rm(directory, { recursive: true });
  });
  await writeFile(join(directory, EXIT_FILE), JSON.stringify(EXIT));
  await new Promise<void>((resolve) => server.listen(join(directory, SOCKET_FILE), resolve));
  return directory;
}
