// Locks of folders: one holder at a time, and none once the holder is gone, however it went.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LINUX_LOCKS } from '../../src/os/linux/locks.ts';

const LOCKS = new URL('../../src/os/linux/locks.js', import.meta.url).href;

test('lockFolder() has one holder at a time and leaves nothing in the folder', async (context) => {
  const folder = fresh(context);
  const lock = LINUX_LOCKS.lockFolder(folder);
  assert.ok(lock);
  assert.equal(LINUX_LOCKS.lockFolder(folder), undefined);
  await lock.stop();
  const next = LINUX_LOCKS.lockFolder(folder);
  assert.ok(next);
  await next.stop();
  assert.deepEqual(readdirSync(folder), []);
});

test('lockFolder() takes the lock of a process that was killed', async (context) => {
  const folder = fresh(context);
  const program = `const { LINUX_LOCKS } = await import(process.argv[1]);
    if (LINUX_LOCKS.lockFolder(process.argv[2]) !== undefined) console.log('held');
    setInterval(() => undefined, 1000);`;
  const words = ['--input-type=module', '-e', program, LOCKS, folder];
  const holder = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(() => holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  assert.equal(LINUX_LOCKS.lockFolder(folder), undefined);
  const gone = once(holder, 'exit');
  holder.kill('SIGKILL');
  await gone;
  const lock = LINUX_LOCKS.lockFolder(folder);
  assert.ok(lock);
  await lock.stop();
});

function fresh(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-locks-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
