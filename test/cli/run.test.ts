// `p6nctl instances run` in the foreground: output, interrupts and how it ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OutputLine } from '../../src/api/contract/output.ts';
import { P6nError } from '../../src/base/errors.ts';
import { type RunInstanceOptions, runInstance } from '../../src/cli/commands/instances/run.ts';
import { INSTANCE, values } from '../fakes/api-services.ts';
import { MemoryTerminal } from '../fakes/memory-terminal.ts';

interface Foreground {
  readonly terminal: MemoryTerminal;
  readonly options: RunInstanceOptions;
  /** Arguments of the stops that were asked for. */
  readonly stops: unknown[];
  /** Arguments of the removals. */
  readonly removals: unknown[];
  readonly interrupt: () => void;
  readonly listening: () => boolean;
}

function foreground(
  lines: () => AsyncIterable<OutputLine>,
  overrides: Partial<RunInstanceOptions['client']['instances']> = {},
): Foreground {
  const terminal = new MemoryTerminal();
  const stops: unknown[] = [];
  const removals: unknown[] = [];
  let listener: (() => void) | undefined;
  const instances: RunInstanceOptions['client']['instances'] = {
    run: () => Promise.resolve(INSTANCE),
    output: lines,
    stop: (reference, options) => {
      stops.push([reference, options]);
      return Promise.resolve(INSTANCE);
    },
    remove: (reference, options) => {
      removals.push([reference, options]);
      return Promise.resolve();
    },
    ...overrides,
  };
  const options: RunInstanceOptions = {
    client: { instances },
    terminal,
    json: false,
    detach: false,
    remove: false,
    request: { app: 'web', command: ['sleep', '60'] },
    onInterrupt: (one) => {
      listener = one;
      return () => {
        listener = undefined;
      };
    },
  };
  return {
    terminal,
    options,
    stops,
    removals,
    interrupt: () => listener?.(),
    listening: () => listener !== undefined,
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

async function failure(promise: Promise<unknown>): Promise<P6nError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof P6nError, String(error));
    return error;
  }
  return assert.fail('it did not fail');
}

test('runInstance() removes the instance when it shall, however its command ends', async () => {
  const exits = [0, 3].map((code) => values<OutputLine>([{ type: 'exit', code }]));
  for (const exit of exits) {
    const run = foreground(() => exit);
    await runInstance({ ...run.options, remove: true }).catch(() => undefined);
    assert.deepEqual(run.removals, [[INSTANCE.id, { force: true }]]);
  }
  const kept = foreground(() => values<OutputLine>([{ type: 'exit', code: 0 }]));
  await runInstance(kept.options);
  assert.deepEqual(kept.removals, []);
  const lost = foreground(() => values<OutputLine>([]));
  const { code } = await failure(runInstance({ ...lost.options, remove: true }));
  assert.equal(code, 'DAEMON_UNREACHABLE');
  assert.deepEqual(lost.removals, []);
});

test('runInstance() passes the output on, each stream where it belongs', async () => {
  const run = foreground(() =>
    values<OutputLine>([
      { type: 'stdout', data: base64('one\n') },
      { type: 'stderr', data: base64('two\n') },
      { type: 'stdout', data: base64('three') },
      { type: 'exit', code: 0 },
    ]),
  );
  await runInstance(run.options);
  assert.deepEqual([run.terminal.output, run.terminal.talk], ['one\nthree', 'two\n']);
  assert.ok(!run.listening(), 'signals are left as they were');
});

test('runInstance() says what the reader missed', async () => {
  const run = foreground(() =>
    values<OutputLine>([
      { type: 'skipped', bytes: 512 },
      { type: 'exit', code: 0 },
    ]),
  );
  await runInstance(run.options);
  assert.match(run.terminal.talk, /512 bytes/);
});

for (const [line, words] of [
  [{ type: 'exit', code: 3 }, /exited with code 3/],
  [{ type: 'exit', signal: 'SIGTERM' }, /was ended by SIGTERM/],
  [{ type: 'exit' }, /was ended by a signal/],
] as const) {
  test(`runInstance() fails when the end is ${JSON.stringify(line)}`, async () => {
    const run = foreground(() => values<OutputLine>([line]));
    const error = await failure(runInstance(run.options));
    assert.deepEqual([error.code, error.exitCode], ['COMMAND_FAILED', 1]);
    assert.match(error.message, words);
    assert.ok(!run.listening());
  });
}

test('runInstance() fails when the output ends before the command', async () => {
  const error = await failure(runInstance(foreground(() => values<OutputLine>([])).options));
  assert.equal(error.code, 'DAEMON_UNREACHABLE');
});

test('runInstance() turns an interrupt into a stop and goes on to the end', async () => {
  const run = foreground(async function* (): AsyncGenerator<OutputLine> {
    run.interrupt();
    yield { type: 'stdout', data: base64('bye\n') };
    await Promise.resolve();
    yield { type: 'exit', code: 0 };
  });
  await runInstance(run.options);
  assert.deepEqual(run.stops, [[INSTANCE.id, {}]]);
  assert.equal(run.terminal.output, 'bye\n');
});

test('runInstance() turns a second interrupt into a stop by force', async () => {
  const run = foreground(async function* (): AsyncGenerator<OutputLine> {
    run.interrupt();
    run.interrupt();
    await Promise.resolve();
    yield { type: 'exit', signal: 'SIGKILL' };
  });
  await failure(runInstance(run.options));
  assert.deepEqual(run.stops, [
    [INSTANCE.id, {}],
    [INSTANCE.id, { graceMs: 0 }],
  ]);
});

test('runInstance() makes an interrupt good that came before the instance', async () => {
  const run = foreground(() => values<OutputLine>([{ type: 'exit', code: 0 }]), {
    run: () => {
      run.interrupt();
      return Promise.resolve(INSTANCE);
    },
  });
  await runInstance(run.options);
  assert.deepEqual(run.stops, [[INSTANCE.id, {}]]);
});

test('runInstance() is content when a command to stop has ended already', async () => {
  const ended = new P6nError('INSTANCE_STATE', 'Cannot stop it: it is stopped');
  const run = foreground(
    async function* (): AsyncGenerator<OutputLine> {
      run.interrupt();
      await Promise.resolve();
      yield { type: 'exit', code: 0 };
    },
    { stop: () => Promise.reject(ended) },
  );
  await runInstance(run.options);
  assert.equal(run.terminal.talk, '');
});

test('runInstance() fails with what p6nd refuses', async () => {
  const refused = new P6nError('NOT_FOUND', 'Cannot find app "web": there is none');
  const run = foreground(() => values<OutputLine>([]), {
    run: () => Promise.reject(refused),
  });
  assert.equal(await failure(runInstance(run.options)), refused);
  assert.ok(!run.listening());
});

test('runInstance() detached prints the instance and waits for nothing', async () => {
  const run = foreground(() => values<OutputLine>([]));
  await runInstance({ ...run.options, detach: true, json: true });
  assert.deepEqual(JSON.parse(run.terminal.output), INSTANCE);
});
