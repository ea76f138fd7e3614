// The commands that run instances, beyond their words: variables, restarts, output with times,
// programs beside the command.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { OutputLine } from '../../src/api/contract/output.ts';
import { P6nError } from '../../src/base/errors.ts';
import { Words } from '../../src/cli/command.ts';
import {
  enterEnvironment,
  enterWords,
  execInstance,
} from '../../src/cli/commands/instances/exec.ts';
import { showLogs } from '../../src/cli/commands/instances/logs.ts';
import { runInstances } from '../../src/cli/commands/instances/run.ts';
import { runFacts } from '../../src/cli/commands/instances/run-options.ts';
import { INSTANCE, SURROUNDINGS } from '../fakes/api-services.ts';
import { MemoryTerminal } from '../fakes/memory-terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'p6n-cli-'));
after(() => rmSync(folder, { recursive: true }));

test('variables come from files and from words, which go before', () => {
  const file = join(folder, 'env');
  writeFileSync(file, '# a comment\n\nA=1\nB=x=y z\r\n C=\n');
  const words = new Words({ 'env-file': [file], env: ['A=2', 'D=d'] });
  assert.deepEqual(runFacts(words, '/srv').environment, { A: '2', B: 'x=y z', C: '', D: 'd' });
});

test('a line that is no variable is refused by its number alone', () => {
  const file = join(folder, 'bad');
  writeFileSync(file, 'A=1\nSECRET\n');
  assert.throws(
    () => runFacts(new Words({ 'env-file': [file] }), '/srv'),
    (error) => {
      assert.ok(error instanceof P6nError && error.code === 'VALUE_INVALID');
      assert.match(error.message, /line 2 of /);
      assert.doesNotMatch(error.message, /SECRET/);
      return true;
    },
  );
});

const RESTARTS: Readonly<Record<string, object | undefined>> = {
  no: undefined,
  always: { when: 'always' },
  'on-failure': { when: 'on-failure' },
  'on-failure:3': { when: 'on-failure', max: 3 },
};
for (const [text, expected] of Object.entries(RESTARTS)) {
  test(`--restart ${text} is a policy`, () => {
    assert.deepEqual(runFacts(new Words({ restart: text }), '/').restart, expected);
  });
}
for (const text of ['never', 'always:3', 'on-failure:0', 'on-failure:x']) {
  test(`--restart ${text} is none`, () => {
    assert.throws(() => runFacts(new Words({ restart: text }), '/'), /restart policy/);
  });
}

test('a folder is taken from where p6nctl is', () => {
  assert.equal(runFacts(new Words({}), '/srv').working_directory, '/srv');
  assert.equal(runFacts(new Words({ workdir: 'a' }), '/srv').working_directory, '/srv/a');
  assert.equal(runFacts(new Words({ workdir: '/b' }), '/srv').working_directory, '/b');
});

test('a program beside the command has its namespaces, folder and user', () => {
  assert.deepEqual(enterWords(SURROUNDINGS, ['id', '-u']), [
    '--net=/proc/7/ns/net',
    '--mount=/proc/7/ns/mnt',
    '--wdns=/srv',
    '--',
    'id',
    '-u',
  ]);
  const { mounts: _, ...attached } = SURROUNDINGS;
  assert.deepEqual(enterWords({ ...attached, user_id: 7, group_id: 8 }, ['-x']), [
    '--net=/proc/7/ns/net',
    '--setuid=7',
    '--setgid=8',
    '--',
    '-x',
  ]);
  assert.deepEqual(enterWords({ ...attached, user_id: 7, group_id: 8, groups: [9] }, ['-x']), [
    '--net=/proc/7/ns/net',
    '--',
    ...['/usr/bin/setpriv', '--reuid=7', '--regid=8', '--groups=8,9', '--'],
    '-x',
  ]);
});

test('root runs nothing that the user of an instance can put into its folders', async () => {
  const planted = join(folder, 'nsenter');
  writeFileSync(planted, `#!/bin/sh\n: > ${folder}/planted\n`, { mode: 0o755 });
  const surroundings = {
    ...SURROUNDINGS,
    namespace: join(folder, 'none'),
    environment: { PATH: folder },
  };
  const code = await execInstance({
    client: { instances: { surroundings: () => Promise.resolve(surroundings) } },
    onInterrupt: () => () => undefined,
    reference: 'web-1',
    command: ['true'],
  });
  assert.notEqual(code, 0);
  assert.equal(existsSync(join(folder, 'planted')), false);
  const environment = { A: '1', LD_PRELOAD: '/x.so', GLIBC_TUNABLES: 'x=1', GCONV_PATH: '/x' };
  assert.deepEqual(enterEnvironment({ ...SURROUNDINGS, environment, user_id: 7 }), { A: '1' });
  assert.deepEqual(enterEnvironment({ ...SURROUNDINGS, environment }), environment);
});

const OUTPUT: readonly OutputLine[] = [
  { type: 'heartbeat' },
  line('stdout', 'one\ntw', 0),
  line('stdout', 'o\n', 1_000),
  line('stderr', 'bad\n', 2_000),
  line('stdout', 'three', 3_000),
  { type: 'exit', code: 0 },
];

test('logs go where the command wrote them, with times if wanted', async () => {
  const plain = await logs(false);
  assert.equal(plain.output, 'one\ntwo\nthree');
  assert.equal(plain.talk, 'bad\n');
  const stamped = await logs(true);
  assert.equal(
    stamped.output,
    '1970-01-01T00:00:00.000Z one\n1970-01-01T00:00:00.000Z two\n1970-01-01T00:00:03.000Z three',
  );
  assert.equal(stamped.talk, '1970-01-01T00:00:02.000Z bad\n');
});

test('several instances have names in a row, and those that run stay when one fails', async () => {
  const names: (string | undefined)[] = [];
  const terminal = new MemoryTerminal();
  const client = {
    instances: {
      runCluster: () => Promise.resolve({ instances: [] }),
      run: (request: { readonly name?: string }) => {
        names.push(request.name);
        if (names.length === 3) return Promise.reject(new P6nError('SYSTEM', 'Cannot run'));
        return Promise.resolve({ ...INSTANCE, name: request.name ?? '' });
      },
    },
  };
  const request = { app: 'web', name: 'w', command: ['true'] };
  const speech = { terminal, json: false };
  await assert.rejects(
    runInstances({ ...speech, client, request, count: 4, isCluster: false }),
    /Cannot run/,
  );
  assert.deepEqual(names, ['w-1', 'w-2', 'w-3']);
  assert.match(terminal.output, /w-1[\s\S]*w-2/);
});

async function logs(timestamps: boolean): Promise<MemoryTerminal> {
  const terminal = new MemoryTerminal();
  const client = {
    instances: {
      output: async function* output() {
        yield* OUTPUT;
      },
    },
  };
  const onInterrupt = () => () => undefined;
  const options = { reference: 'web-1', follow: false, lines: undefined, timestamps };
  await showLogs({ terminal, json: false, client, onInterrupt, ...options });
  return terminal;
}

function line(type: 'stdout' | 'stderr', text: string, at: number): OutputLine {
  return { type, data: Buffer.from(text).toString('base64'), at };
}
