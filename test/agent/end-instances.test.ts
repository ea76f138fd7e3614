// The instances of a host whose p6nd does not run, after their end.

import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { endInstances } from '../../src/agent/end-instances.ts';
import { JOURNAL_FOLDER, Journal } from '../../src/agent/journal.ts';
import { awaitedNamespace } from '../../src/agent/namespace.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { makeRecord } from './agent-world.ts';

test('endInstances() removes an interface by the name that its owner has given it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-'));
  t.after(() => rm(folder, { recursive: true }));
  // Any file will do: a namespace is known by its device and inode.
  const path = join(folder, 'namespace');
  await writeFile(path, '');
  const { dev: device, ino: inode } = await stat(path);
  const attachment = { ...awaitedNamespace(path), device, inode, handover: 'p6n-1' };
  const journal = await Journal.open(join(folder, JOURNAL_FOLDER), SILENT_LOGGER);
  await journal.put(makeRecord({ origin: 'attached', attachment }));
  const removed: unknown[] = [];
  const links = {
    find: () => Promise.resolve('eth5'),
    remove: (...words: unknown[]) => Promise.resolve(void removed.push(words)),
  };
  await endInstances({ links, clock: new ManualClock(), logger: SILENT_LOGGER }, folder);
  assert.deepEqual(removed, [[path, 'eth5']]);
});

test('endInstances() leaves none that the next p6nd would start again', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-'));
  t.after(() => rm(folder, { recursive: true }));
  const open = (): Promise<Journal> => Journal.open(join(folder, JOURNAL_FOLDER), SILENT_LOGGER);
  const { instance, ...record } = makeRecord();
  const exit = { code: 7, signal: undefined, at: 3 as WallMillis };
  const stopped = { ...instance, state: 'stopped' } as const;
  await (await open()).put({ ...record, instance: stopped, exit, startsAgain: true });
  const links = { find: () => Promise.resolve(undefined), remove: () => Promise.resolve() };
  await endInstances({ links, clock: new ManualClock(), logger: SILENT_LOGGER }, folder);
  const [found] = (await open()).instances();
  assert.deepEqual([found?.instance.state, found?.exit?.code], ['stopped', 7]);
  assert.equal(found?.startsAgain, undefined);
});
