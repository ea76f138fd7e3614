// A server that is killed -9 in the middle of a write: what its file holds then is whole, the write
// is done or not done, and doing it again does it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { LinuxClock } from '../../src/os/linux/clock.ts';
import { SYSTEM_RANDOM } from '../../src/os/random.ts';
import { SqliteStore } from '../../src/registry/sqlite/sqlite-store.ts';
import { furnish, WRITES } from '../registry/writes.ts';
import { Site } from './site.ts';
import { assertSound } from './soundness.ts';

const CHILD = fileURLToPath(new URL('../registry/writing-server.js', import.meta.url));

export type Moment = 'before' | 'during' | 'after';

/** A test for every kind of write. */
export function testKills(moments: readonly Moment[]): void {
  for (const [kind, write] of Object.entries(WRITES)) {
    for (const moment of moments) {
      test(`a server killed ${moment} the commit of ${kind} leaves a whole registry`, async (t) => {
        const folder = await mkdtemp(join(tmpdir(), 'p6n-kill-'));
        t.after(() => rm(folder, { recursive: true }));
        const path = join(folder, 'registry.db');
        await onSite(path, furnish);
        const child = spawn(process.execPath, [CHILD, path, kind, moment], { stdio: 'inherit' });
        assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
        await onSite(path, async (site) => {
          await assertSound(site.store);
          const done = await write.isDone(site);
          // Some are several transactions, of which the first was met.
          if (moment === 'before') assert.equal(done, false);
          if (!done) await write.run(site);
          assert.equal(await write.isDone(site), true);
          await assertSound(site.store);
        });
      });
    }
  }
}

async function onSite(path: string, run: (site: Site) => Promise<void>): Promise<void> {
  const store = await SqliteStore.open(
    { clock: new LinuxClock(), random: SYSTEM_RANDOM, logger: SILENT_LOGGER },
    { path },
  );
  try {
    await run(new Site({ store, keysBefore: 10_000 }));
  } finally {
    await store.close();
  }
}
