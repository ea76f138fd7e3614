// What p6nctl writes for root's eyes is read by nobody else, whatever stands there before.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  linkSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readStart } from '../../src/cli/doctor/read-start.ts';
import { openPrivate } from '../../src/cli/private-file.ts';

async function write(path: string): Promise<void> {
  const file = await openPrivate(path);
  try {
    await file.writeFile('new');
  } finally {
    await file.close();
  }
}

function scratch(context: { after(undo: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-private-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('openPrivate() makes a file, or takes one, for its owner alone', async (context) => {
  const folder = scratch(context);
  for (const name of ['fresh', 'old']) {
    const path = join(folder, name);
    if (name === 'old') writeFileSync(path, 'much older words', { mode: 0o644 });
    await write(path);
    assert.equal(readFileSync(path, 'utf8'), 'new');
    assert.equal(statSync(path).mode & 0o777, 0o600);
  }
});

test('openPrivate() writes where no link leads', async (context) => {
  const folder = scratch(context);
  const target = join(folder, 'target');
  writeFileSync(target, 'kept');
  symlinkSync(target, join(folder, 'symbolic'));
  await assert.rejects(write(join(folder, 'symbolic')), /it is a link/);
  linkSync(target, join(folder, 'hard'));
  await assert.rejects(write(join(folder, 'hard')), /it has other names/);
  await assert.rejects(write(folder), /Cannot write .*: EISDIR/);
  assert.equal(readFileSync(target, 'utf8'), 'kept');
});

test('openPrivate() takes a pipe, for a program that shows packets', async (context) => {
  const path = join(scratch(context), 'pipe');
  assert.equal(spawnSync('mkfifo', [path]).status, 0);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  await write(path);
  assert.equal(readFileSync(reader, 'utf8'), 'new');
  closeSync(reader);
});

test('readStart() reads files alone, and no more than their start', async (context) => {
  const folder = scratch(context);
  const pipe = join(folder, 'pipe');
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
  for (const endless of [pipe, '/dev/zero']) assert.equal(await readStart(endless), '');
  const long = join(folder, 'long');
  writeFileSync(long, 'x'.repeat(1_000_000));
  assert.equal((await readStart(long)).length, 65_536);
});
