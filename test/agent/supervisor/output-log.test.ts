// The output of commands on disk: bounded, and whole frames whatever was cut off before.

import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { OUTPUT_FILE, OutputLog, readTail } from '../../../src/agent/supervisor/output-log.ts';

for (const [what, rest] of [
  ['in its header', [1, 0, 0]],
  ['in its piece', [2, 0, 0, 0, 9, 65]],
  ['by a length that is none', [1, 255, 255, 255, 255, 65, 66]],
] as const) {
  test(`OutputLog goes on behind a frame that is cut off ${what}`, async (t) => {
    const directory = await makeDirectory(t);
    write(directory, 'before');
    await appendFile(join(directory, OUTPUT_FILE), Uint8Array.from(rest));
    assert.deepEqual(texts(directory), ['before']);
    write(directory, 'after');
    assert.deepEqual(texts(directory), ['before', 'after']);
  });
}

test('readTail() gives the end of the output, to the byte', async (t) => {
  const directory = await makeDirectory(t);
  assert.deepEqual(texts(directory), []);
  write(directory, 'one');
  write(directory, 'two');
  assert.deepEqual(texts(directory, 4), ['e', 'two']);
  assert.deepEqual(texts(directory, 0), []);
});

function write(directory: string, text: string): void {
  const log = new OutputLog(directory);
  log.append('stdout', Buffer.from(text));
  log.close();
}

function texts(directory: string, bytes = 1_000): readonly string[] {
  return readTail(directory, bytes).map(({ data }) => Buffer.from(data).toString());
}

async function makeDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'p6n-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}
