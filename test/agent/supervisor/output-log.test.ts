// The output of commands on disk: bounded, and whole frames whatever was cut off before.

import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  LOG_BYTES_MAX,
  OLDER_OUTPUT_FILE,
  OUTPUT_FILE,
  OutputLog,
  readTail,
} from '../../../src/agent/supervisor/output-log.ts';
import type { WallMillis } from '../../../src/base/clock.ts';

const AT = 1_795_000_000_123 as WallMillis;

for (const [what, rest] of [
  ['in its header', [3, 0, 0]],
  ['in its time', [3, 0, 0, 0, 1, 9, 9]],
  ['in its piece', [4, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 65]],
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

test('OutputLog touches no file of others when it cannot begin another one', async (t) => {
  const directory = await makeDirectory(t);
  const log = new OutputLog(directory);
  const piece = { stream: 'stdout', data: new Uint8Array(LOG_BYTES_MAX), at: AT } as const;
  log.append(piece);
  await mkdir(join(directory, OLDER_OUTPUT_FILE, 'full'), { recursive: true });
  assert.throws(() => log.append(piece), /output\.log/);
  const other = await open(join(directory, 'other'), 'w+');
  assert.throws(() => log.append(piece), /output\.log/);
  await other.write('whole');
  assert.equal((await other.stat()).size, 5);
  await other.close();
  await rm(join(directory, OLDER_OUTPUT_FILE), { recursive: true });
  log.append({ ...piece, data: Buffer.from('after') });
  log.close();
  assert.deepEqual(texts(directory, 5), ['after']);
});

test('readTail() gives the end of the output, to the byte', async (t) => {
  const directory = await makeDirectory(t);
  assert.deepEqual(texts(directory), []);
  write(directory, 'one');
  write(directory, 'two');
  assert.deepEqual(texts(directory, 4), ['e', 'two']);
  assert.deepEqual(texts(directory, 0), []);
});

test('readTail() gives the last lines, in however many pieces they came', async (t) => {
  const directory = await makeDirectory(t);
  for (const text of ['one\ntw', 'o\n', 'three\nfour\nfi', 've\nsix']) write(directory, text);
  const lines = (count: number): string =>
    readTail(directory, { bytes: 1_000, lines: count })
      .map(({ data }) => Buffer.from(data).toString())
      .join('');
  assert.equal(lines(0), '');
  assert.equal(lines(1), 'six');
  assert.equal(lines(2), 'five\nsix');
  assert.equal(lines(4), 'three\nfour\nfive\nsix');
  assert.equal(lines(99), 'one\ntwo\nthree\nfour\nfive\nsix');
  write(directory, '\n');
  assert.equal(lines(1), 'six\n');
  assert.equal(lines(2), 'five\nsix\n');
});

test('readTail() knows when each piece was written, and takes those without a time', async (t) => {
  const directory = await makeDirectory(t);
  await appendFile(join(directory, OUTPUT_FILE), Uint8Array.of(2, 0, 0, 0, 1, 65));
  write(directory, 'B');
  const pieces = readTail(directory, { bytes: 100 });
  assert.deepEqual(
    pieces.map(({ at, data, stream }) => [stream, Buffer.from(data).toString(), at]),
    [
      ['stderr', 'A', undefined],
      ['stdout', 'B', AT],
    ],
  );
});

function write(directory: string, text: string): void {
  const log = new OutputLog(directory);
  log.append({ stream: 'stdout', data: Buffer.from(text), at: AT });
  log.close();
}

function texts(directory: string, bytes = 1_000): readonly string[] {
  return readTail(directory, { bytes }).map(({ data }) => Buffer.from(data).toString());
}

async function makeDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'p6n-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}
