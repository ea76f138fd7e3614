// The copy on disk: whole or not there, private, and written seldom.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { HostId } from '../../src/addressing/ids.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { StoredCopy } from '../../src/follower/copy.ts';
import { CopyFile } from '../../src/follower/copy-file.ts';

const COPY: StoredCopy = {
  revision: { incarnation: 'a', number: 3 },
  interest: [],
  records: [
    [
      'records/hosts/00010000',
      {
        ...{ kind: 'host', id: 0x1_0000 as HostId, name: 'one', region: 'local', publicKey: '' },
        ...{ generation: 1, signature: '' },
        ...{ endpoints: [], role: 'server', createdAt: 0 as WallMillis },
      },
    ],
  ],
};

test('CopyFile gives back what was written, for its owner alone', async (t) => {
  const path = await freshPath(t);
  const file = open(path);
  assert.equal(await file.load(), undefined);
  file.writeSoon(() => COPY);
  await file.flush();
  assert.deepEqual(await open(path).load(), COPY);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(file.counters, { damagedFiles: 0, failedWrites: 0 });
});

test('CopyFile takes any damage for an empty copy, and counts it', async (t) => {
  const path = await freshPath(t);
  const file = open(path);
  file.writeSoon(() => COPY);
  await file.flush();
  const whole = await readFile(path);
  let damages = 0;
  const damaged = async (content: Uint8Array): Promise<void> => {
    await writeFile(path, content);
    assert.equal(await file.load(), undefined);
    damages += 1;
    assert.equal(file.counters.damagedFiles, damages);
  };
  for (let length = 0; length < whole.length; length += 7) {
    await damaged(whole.subarray(0, length));
    const flipped = Buffer.from(whole);
    flipped[length] = (flipped[length] ?? 0) ^ 1;
    // A flipped version digit is another version's file, and no damage.
    if (length !== whole.indexOf('1')) await damaged(flipped);
  }
  await writeFile(path, Buffer.from(whole.toString().replace('copy 1', 'copy 2')));
  assert.equal(await file.load(), undefined);
  assert.equal(file.counters.damagedFiles, damages);
});

test('CopyFile writes many changes at once, the newest state', async (t) => {
  const path = await freshPath(t);
  const file = open(path);
  let reads = 0;
  for (let number = 1; number <= 100; number++) {
    file.writeSoon(() => {
      reads += 1;
      return { ...COPY, revision: { incarnation: 'a', number } };
    });
  }
  await file.flush();
  await file.flush();
  assert.equal(reads, 1);
  assert.equal((await file.load())?.revision.number, 100);
});

test('CopyFile writes by itself after a while', async (t) => {
  const path = await freshPath(t);
  const file = new CopyFile({ logger: SILENT_LOGGER }, { path, delayMs: 1 });
  file.writeSoon(() => COPY);
  for (;;) {
    const loaded = await open(path).load();
    if (loaded !== undefined) break;
    await new Promise(setImmediate);
  }
});

test('CopyFile counts writes that fail and goes on', async (t) => {
  const path = await freshPath(t);
  const lost = open(join(path, 'none', 'copy'));
  lost.writeSoon(() => COPY);
  await lost.flush();
  lost.writeSoon(() => COPY);
  await lost.flush();
  assert.equal(lost.counters.failedWrites, 2);
});

async function freshPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-copy-'));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, 'copy');
}

function open(path: string): CopyFile {
  return new CopyFile({ logger: SILENT_LOGGER }, { path, delayMs: 60_000 });
}
