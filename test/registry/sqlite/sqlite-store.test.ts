// The store in SQLite keeps to the port, keeps what it acknowledged, and touches no file that is
// not its own.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Database from 'libsql';
import { SILENT_LOGGER } from '../../../src/base/logger.ts';
import { SqliteStore } from '../../../src/registry/sqlite/sqlite-store.ts';
import type { Store } from '../../../src/registry/store.ts';
import { put } from '../../conformance/store-calls.ts';
import { testStore } from '../../conformance/store-suite.ts';
import { ManualClock } from '../../fakes/manual-clock.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';

const CHILD = fileURLToPath(new URL('./writing-child.js', import.meta.url));
const KILLS = 4;

testStore('SqliteStore', () => {
  let folder = '';
  return {
    open: async (clock, revisionsKept) => {
      folder = await mkdtemp(join(tmpdir(), 'p6n-store-'));
      return await open(join(folder, 'registry.db'), clock, revisionsKept);
    },
    remove: () => rm(folder, { recursive: true }),
  };
});

test('SqliteStore keeps everything over a close, also its feed', async (t) => {
  const path = await freshPath(t);
  const first = await open(path);
  await first.transact({ compares: [], writes: [{ type: 'put', key: 'a', value: '1' }] });
  const { revision } = await first.list([]);
  await first.transact({ compares: [], writes: [{ type: 'put', key: 'b', value: '2' }] });
  await first.transact({ compares: [], writes: [{ type: 'delete', key: 'a' }] });
  const before = await first.list(['']);
  await first.close();

  const second = await open(path);
  t.after(() => second.close());
  assert.equal(second.incarnation, first.incarnation);
  assert.deepEqual(await second.list(['']), before);
  const changes: unknown[] = [];
  for await (const revisions of second.watch('', revision, AbortSignal.timeout(60_000))) {
    changes.push(...revisions.changes.map((change) => change.type));
    if (changes.length === 2) break;
  }
  assert.deepEqual(changes, ['put', 'delete']);
});

test('SqliteStore does many at once each by itself, also beside one that fails', async (t) => {
  const store = await open(await freshPath(t));
  t.after(() => store.close());
  const first = await put(store, 'counter', '0');
  const compares = [{ key: 'counter', modRevision: first }];
  const together = Array.from({ length: 100 }, (_, n) =>
    store.transact({ compares, writes: [{ type: 'put', key: 'counter', value: `${n}` }] }),
  );
  const others = Array.from({ length: 200 }, (_, n) => put(store, `key-${n}`, `${n}`));
  const refused = put(store, 'never', '1', 'a lease that ended');
  others.push(put(store, 'last', '1'));
  await assert.rejects(refused, { code: 'NOT_FOUND' });
  await Promise.all(others);
  assert.deepEqual(
    (await Promise.all(together)).map(({ committed }) => committed),
    [true, ...new Array<boolean>(99).fill(false)],
  );
  const { revision, entries } = await store.list(['']);
  assert.equal(entries.length, 202);
  assert.equal(revision, first + 202);
  assert.equal((await store.get('counter'))?.value, '0');
});

test('SqliteStore gives a lease its full time again when it opens', async (t) => {
  const path = await freshPath(t);
  const clock = new ManualClock();
  const first = await open(path, clock);
  const lease = await first.grantLease(1_000);
  await first.transact({ compares: [], writes: [{ type: 'put', key: 'a', value: '1', lease }] });
  clock.advance(900);
  await first.close();
  const second = await open(path, clock);
  t.after(() => second.close());
  clock.advance(900);
  assert.equal(await second.renewLease(lease), true);
  clock.advance(1_000);
  assert.equal(await second.get('a'), undefined);
});

test('SqliteStore keeps every acknowledged write over kill -9', async (t) => {
  const path = await freshPath(t);
  const acknowledged = new Set<number>();
  for (let round = 1; round <= KILLS; round++) {
    const child = spawn(process.execPath, [CHILD, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.add(Number(line));
      if (acknowledged.size === 40 * round + round) child.kill('SIGKILL');
    }
    await exited;
    const store = await open(path);
    const { entries } = await store.list(['k']);
    await store.close();
    const kept = new Map(entries.map(({ key, value }) => [key, value]));
    for (const number of acknowledged) {
      assert.equal(kept.get(`k${number}/a`), `${number}`, `write ${number} is lost`);
    }
    for (const key of kept.keys()) {
      const twin = key.endsWith('a') ? key.replace('/a', '/b') : key.replace('/b', '/a');
      assert.ok(kept.has(twin), `${key} was written without ${twin}`);
    }
  }
});

test('SqliteStore makes its files for the owner alone', async (t) => {
  const path = await freshPath(t);
  const store = await open(path);
  t.after(() => store.close());
  const folder = join(path, '..');
  for (const name of await readdir(folder)) {
    assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600, name);
  }
});

test('SqliteStore leaves a file that is no registry as it is', async (t) => {
  const path = await freshPath(t);
  const foreign = `${path}.foreign`;
  const database = new Database(foreign);
  database.exec('CREATE TABLE t (a); PRAGMA user_version = 1');
  database.close();
  const contents = [
    Buffer.alloc(0),
    Buffer.from('not a database'),
    Buffer.alloc(8192, 'x'),
    await readFile(foreign),
  ];
  for (const content of contents) {
    await writeFile(path, content);
    await assert.rejects(open(path), { code: 'REGISTRY_CORRUPT', message: /not a registry/ });
    assert.deepEqual(await readFile(path), content);
    assert.deepEqual((await readdir(join(path, '..'))).sort(), [
      'registry.db',
      'registry.db.foreign',
    ]);
  }
});

test('SqliteStore leaves a damaged registry as it is', async (t) => {
  const path = await freshPath(t);
  const store = await open(path);
  for (let i = 0; i < 200; i++) {
    const value = 'x'.repeat(500);
    await store.transact({ compares: [], writes: [{ type: 'put', key: `k${i}`, value }] });
  }
  await store.close();
  await moveLogIn(path);
  const whole = await readFile(path);
  const damages: readonly ((content: Buffer) => Buffer)[] = [
    (content) => content.fill(0xa5, 4096, 4096 * 6),
    (content) => content.subarray(0, content.length / 2),
  ];
  for (const damage of damages) {
    const content = Buffer.from(damage(Buffer.from(whole)));
    await writeFile(path, content);
    await assert.rejects(open(path), { code: 'REGISTRY_CORRUPT' });
    assert.deepEqual(await readFile(path), content);
  }
});

test('SqliteStore refuses a registry of a newer schema', async (t) => {
  const path = await freshPath(t);
  await (await open(path)).close();
  await moveLogIn(path);
  const content = await readFile(path);
  content.writeInt32BE(99, 60);
  await writeFile(path, content);
  await assert.rejects(open(path), { code: 'REGISTRY_CORRUPT', message: /newer p6n/ });
  assert.deepEqual(await readFile(path), content);
});

test('SqliteStore refuses a log without its database', async (t) => {
  const path = await freshPath(t);
  const store = await open(path);
  await store.transact({ compares: [], writes: [{ type: 'put', key: 'a', value: '1' }] });
  await copyFile(`${path}-wal`, `${path}-kept`);
  await store.close();
  await rm(path);
  await copyFile(`${path}-kept`, `${path}-wal`);
  await assert.rejects(open(path), { code: 'REGISTRY_CORRUPT', message: /log/ });
  assert.ok(!existsSync(path));
});

test('SqliteStore repairs a making that was killed', async (t) => {
  const path = await freshPath(t);
  await writeFile(`${path}.new`, 'half of a database');
  await (await open(path)).close();
  assert.ok(!existsSync(`${path}.new`));
});

test('SqliteStore belongs to one process', async (t) => {
  const path = await freshPath(t);
  const child = spawn(process.execPath, [CHILD, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  try {
    await assert.rejects(open(path), { code: 'ALREADY_RUNNING' });
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await (await open(path)).close();
});

test('SqliteStore says when its folder does not exist', async (t) => {
  const path = await freshPath(t);
  await assert.rejects(open(join(path, 'none', 'registry.db')), { code: 'REGISTRY_UNAVAILABLE' });
});

async function freshPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-store-'));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, 'registry.db');
}

function open(path: string, clock = new ManualClock(), revisionsKept = 1_000): Promise<Store> {
  const dependencies = { clock, random: new SeededRandom(7), logger: SILENT_LOGGER };
  return SqliteStore.open(dependencies, { path, revisionsKept });
}

/** Plays the write-ahead log into the file, so that a test can damage the file itself. */
async function moveLogIn(path: string): Promise<void> {
  const database = new Database(path);
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.exec('PRAGMA journal_mode = DELETE');
  database.exec('PRAGMA journal_mode = WAL');
  database.close();
  for (const suffix of ['-wal', '-shm']) await rm(`${path}${suffix}`, { force: true });
}
