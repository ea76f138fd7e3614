// The audit of a server: who changed what, over restarts, kills and gaps.

import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { AuditEntry } from '../../src/api/contract/events.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { AuditLog } from '../../src/daemon/audit-log.ts';
import { encodeNote, notePlace } from '../../src/registry/audit.ts';
import { INVITES } from '../../src/registry/keys.ts';
import type { StoreWrite } from '../../src/registry/store.ts';
import { Site } from '../fakes/site.ts';

const FILE = 'audit.jsonl';

test('AuditLog holds who made every change from the beginning of the site on', async (t) => {
  const { site, folder } = await scene(t);
  await site.registry.as({ kind: 'operator' }).createApp({ name: 'web', network: 'blue' });
  const entries = await noted(site, folder, 2);
  assert.deepEqual(entries.map(summary), ['server start the site', 'operator create app "web"']);
  assert.deepEqual(
    entries[1]?.objects.map(({ kind, verb }) => `${verb} ${kind}`),
    ['created network', 'created app'],
  );
  assert.equal(statSync(join(folder, FILE)).mode & 0o777, 0o600);
});

test('AuditLog leaves out what hosts say of their own instances again and again', async (t) => {
  const { site, folder } = await scene(t);
  const { app } = await site.registry.createApp({ name: 'web' });
  const [host] = await site.registry.listHosts();
  assert.ok(host);
  const own = site.registry.as({ kind: 'host', host: host.id });
  const instance = site.instance(app, host.id, 1);
  await own.putInstance(host.id, instance);
  await own.putInstance(host.id, { ...instance, state: 'started' });
  await own.removeInstance(host.id, instance.machineId);
  const entries = await noted(site, folder, 4);
  assert.deepEqual(
    entries.slice(2).flatMap(({ objects }) => objects.map(({ verb }) => verb)),
    ['created', 'removed'],
  );
});

test('AuditLog takes up what happened while it was away, each once', async (t) => {
  const { site, folder } = await scene(t);
  await noted(site, folder, 1);
  for (const name of ['one', 'two', 'three']) await site.registry.createApp({ name });
  // What a kill in the middle of a write leaves.
  appendFileSync(join(folder, FILE), '{"revision":"');
  const entries = await noted(site, folder, 4);
  const actions = ['one', 'two', 'three'].map((name) => `server create app "${name}"`);
  assert.deepEqual(entries.map(summary), ['server start the site', ...actions]);
});

test('AuditLog takes up what is missing of changes that came together', async (t) => {
  const { site, folder } = await scene(t);
  const writes = [1, 2, 3].flatMap((number): StoreWrite[] => {
    const key = `${INVITES}00010000/${number}`;
    const at = 1 as WallMillis;
    const value = encodeNote({ at, by: { kind: 'operator' }, action: `create invite ${number}` });
    return [
      { type: 'put', key, value: '' },
      { type: 'put', key: notePlace(key), value },
    ];
  });
  await site.store.transact({ compares: [], writes });
  const whole = await noted(site, folder, 4);
  const path = join(folder, FILE);
  // A kill in the middle of the last line but one.
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.slice(0, text.indexOf('create invite 2')));
  assert.equal((await open(site, folder).last(9)).length, 2);
  assert.deepEqual(await noted(site, folder, 4), whole);
  assert.equal((await open(site, folder).last(9)).length, 4);
});

test('AuditLog goes on after a gap', async (t) => {
  const { site, folder } = await scene(t);
  await noted(site, folder, 1);
  const text = readFileSync(join(folder, FILE), 'utf8');
  writeFileSync(join(folder, FILE), text.replace(site.store.incarnation, 'another'));
  const audit = open(site, folder);
  audit.start();
  let n = 0;
  await until(async () => {
    n += 1;
    await site.registry.createApp({ name: `app-${n}` });
    return (await audit.last(9)).length >= 2;
  });
  await audit.stop();
});

test('AuditLog keeps two files, of which the older one goes', async (t) => {
  const { site, folder } = await scene(t);
  await noted(site, folder, 1);
  const filler = `${'x'.repeat(9 * 1_048_576)}\n`;
  for (const name of ['one', 'two']) {
    appendFileSync(join(folder, FILE), filler);
    await site.registry.createApp({ name });
    await noted(site, folder, 1);
  }
  const entries = await open(site, folder).last(9);
  assert.deepEqual(entries.map(summary), ['server create app "one"', 'server create app "two"']);
  assert.ok(statSync(join(folder, FILE)).size < 1_024);
});

async function scene(t: TestContext): Promise<{ site: Site; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-audit-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const site = new Site();
  await site.start();
  return { site, folder };
}

/** Runs an audit until it has the registry's last change and `count` entries. */
async function noted(site: Site, folder: string, count: number): Promise<readonly AuditEntry[]> {
  const audit = open(site, folder);
  audit.start();
  const { revision } = await site.store.list([]);
  await until(async () => {
    const [last] = await audit.last(1);
    return (
      last?.revision === `${site.store.incarnation}.${revision}` &&
      (await audit.last(count)).length === count
    );
  });
  await audit.stop();
  return await audit.last(count);
}

function open(site: Site, folder: string): AuditLog {
  return new AuditLog({ registry: site.registry, logger: SILENT_LOGGER }, folder);
}

function summary({ action, by }: AuditEntry): string {
  return `${by.kind} ${action}`;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}
