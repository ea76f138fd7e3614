// p6nctl as a process: the program in bin/ against a real p6nd socket.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { operatorApi } from '../../src/api/api.ts';
import type { OutputEvent } from '../../src/api/services.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { fakeServices, INSTANCE } from '../fakes/api-services.ts';
import { ROOT } from '../house/tree.ts';

const folder = mkdtempSync(join(tmpdir(), 'p6nctl-'));
after(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs bin/p6nctl; `whenHeard` is called with the process at each piece of its output. */
function p6nctl(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  whenHeard: (kill: (signal: NodeJS.Signals) => void) => void = () => undefined,
): Promise<Ended> {
  const child = spawn(process.execPath, [join(ROOT, 'bin/p6nctl'), ...words], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    whenHeard((signal) => child.kill(signal));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}

test('p6nctl finds its socket by P6N_SOCKET and ends with the code of its error', async () => {
  const path = join(folder, 'absent.sock');
  const { code, stdout, stderr } = await p6nctl(['status'], { P6N_SOCKET: path });
  assert.deepEqual([code, stdout], [1, '']);
  assert.ok(stderr.includes(path));
  assert.match(stderr, /\(DAEMON_UNREACHABLE\)/);
  const named = await p6nctl(['status', '--socket', '/named.sock'], { P6N_SOCKET: path });
  assert.match(named.stderr, /\/named\.sock/);
  assert.equal((await p6nctl(['stats'], {})).code, 2);
});

test('p6nctl in the foreground passes on an interrupt and the end of the command', async () => {
  const stops: string[] = [];
  let end: (event: OutputEvent) => void = () => undefined;
  const ended = new Promise<OutputEvent>((resolve) => {
    end = resolve;
  });
  const services = fakeServices({
    instances: {
      output: async function* () {
        yield { type: 'output', stream: 'stdout', data: new TextEncoder().encode('ready\n') };
        yield await ended;
      },
      stop: (_principal, reference) => {
        stops.push(reference);
        end({ type: 'exit', exit: { code: 0, signal: undefined } });
        return Promise.resolve(INSTANCE);
      },
    },
  });
  const server = operatorApi(services, SILENT_LOGGER);
  const path = join(folder, 'p6nd.sock');
  await server.listen({ path, mode: 0o600 });
  const words = ['instances', 'run', '--app', 'web', '--', 'sleep', '60'];
  const run = await p6nctl(words, { P6N_SOCKET: path }, (kill) => kill('SIGINT'));
  assert.deepEqual(run, { code: 0, stdout: 'ready\n', stderr: '' });
  assert.deepEqual(stops, [INSTANCE.id]);
  await server.stop();
});
