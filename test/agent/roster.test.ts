// The roster on a real file system: which namespaces its instances have at the moment.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ARRIVAL_WAIT_MS } from '../../src/agent/attached-instances.ts';
import { Journal } from '../../src/agent/journal.ts';
import type { Attachment, JournalRecord } from '../../src/agent/journal-record.ts';
import { awaitedNamespace } from '../../src/agent/namespace.ts';
import { Roster } from '../../src/agent/roster.ts';
import { PROCESS_SUPERVISION } from '../../src/agent/supervision.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { makeRecord } from './agent-world.ts';

test('Roster gives nobody the place of an attached namespace that is gone', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-'));
  t.after(() => rm(folder, { recursive: true }));
  // Any file will do: a namespace is known by its device and inode.
  const path = join(folder, 'namespace');
  await writeFile(path, '');
  const record = makeRecord({ origin: 'attached', attachment: await factsOf(path) });
  const roster = await makeRoster(folder, new ManualClock(), record);
  const { machineId } = record.instance;
  assert.deepEqual([...roster.namespaces()], [[machineId, path]]);
  // Somebody else's namespace takes its place before anybody has looked.
  await writeFile(`${path}.new`, '');
  await rename(`${path}.new`, path);
  assert.deepEqual([...roster.namespaces()], []);
});

test('Roster gives nobody the place of a process that is another one by now', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'namespace');
  await writeFile(path, '');
  const { pid } = process;
  // Field 22 of proc_pid_stat(5); the name before it has no blank here.
  const startTicks = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ')[19];
  const facts = { ...(await factsOf(path)), pid };
  const same = makeRecord({ origin: 'attached', attachment: { ...facts, startTicks } });
  const other = makeRecord({ origin: 'attached', attachment: { ...facts, startTicks: '1' } });
  const roster = await makeRoster(folder, new ManualClock(), same, other);
  assert.deepEqual([...roster.namespaces()], [[same.instance.machineId, path]]);
});

test('Roster removes an instance whose owner let its namespace go', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'namespace');
  await writeFile(path, '');
  const facts = await factsOf(path);
  const owned = makeRecord({ origin: 'attached', attachment: { ...facts, owner: 'engine/1' } });
  const free = makeRecord({ origin: 'attached', attachment: facts });
  const roster = await makeRoster(folder, new ManualClock(), owned, free);
  const states = (): unknown =>
    [owned, free].map(({ instance }) => {
      const record = roster.journal.get(instance.machineId);
      return [record?.instance.state, record?.removed];
    });
  await roster.attached.recordVanished();
  assert.deepEqual(states(), [
    ['started', false],
    ['started', false],
  ]);
  await rm(path);
  await roster.attached.recordVanished();
  assert.deepEqual(states(), [
    ['started', true],
    ['stopped', false],
  ]);
});

test('Roster waits for a namespace that an interface is handed over to', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'namespace');
  const attachment = { ...awaitedNamespace(path), owner: 'engine/1', handover: 'p6n-1' };
  const record = makeRecord({ origin: 'attached', attachment });
  const clock = new ManualClock();
  const roster = await makeRoster(folder, clock, record);
  const { machineId } = record.instance;
  // The engine makes the file before it mounts the namespace on it.
  await writeFile(path, '');
  await roster.attached.recordArrivals();
  await roster.attached.recordVanished();
  assert.deepEqual([...roster.namespaces()], [[machineId, undefined]]);
  clock.advance(ARRIVAL_WAIT_MS - 1);
  await roster.attached.recordArrivals();
  assert.deepEqual(roster.journal.instances().length, 1);
  await rm(path);
  await symlink('/proc/self/ns/net', path);
  await roster.attached.recordArrivals();
  assert.deepEqual([...roster.namespaces()], [[machineId, path]]);
  const { ino } = await stat(path);
  assert.equal(roster.journal.get(machineId)?.attachment?.inode, ino);
  await rm(path);
  await roster.attached.recordVanished();
  assert.deepEqual(roster.journal.instances(), []);
});

test('Roster brings back nothing that is removed while it writes of others', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'namespace');
  await symlink('/proc/self/ns/net', path);
  const [first, second] = ['1', '2'].map((n) => {
    const attachment = { ...awaitedNamespace(path), owner: n, handover: `p6n-${n}` };
    return makeRecord({ origin: 'attached', attachment });
  }) as [JournalRecord, JournalRecord];
  const roster = await makeRoster(folder, new ManualClock(), first, second);
  const { journal } = roster;
  const recorded = roster.attached.recordArrivals();
  await journal.forget(second.instance.machineId);
  await recorded;
  assert.deepEqual(
    journal.records().map(({ instance }) => instance.machineId),
    [first.instance.machineId],
  );
});

test('Roster knows a moved interface by what its owner calls it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'namespace');
  await writeFile(path, '');
  const facts = { ...(await factsOf(path)), owner: 'engine/1', handover: 'p6n-1' };
  const record = makeRecord({ origin: 'attached', attachment: facts });
  const roster = await makeRoster(folder, new ManualClock(), record);
  const { address, machineId } = record.instance;
  await roster.attached.recordNames({
    find: (...asked) => {
      assert.deepEqual(asked, [path, address]);
      return Promise.resolve('p6n1');
    },
  });
  await roster.attached.recordNames({ find: () => Promise.resolve(undefined) });
  await roster.attached.recordNames({ find: () => Promise.reject(new Error('no ip')) });
  assert.equal(roster.journal.get(machineId)?.attachment?.interfaceName, 'p6n1');
});

test('Roster gives up an interface that its owner moves nowhere', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-'));
  t.after(() => rm(folder, { recursive: true }));
  const attachment = { ...awaitedNamespace(''), owner: 'engine/1', handover: 'p6n-1' };
  const clock = new ManualClock();
  const roster = await makeRoster(folder, clock, makeRecord({ origin: 'attached', attachment }));
  await roster.attached.recordArrivals();
  clock.advance(ARRIVAL_WAIT_MS);
  await roster.attached.recordArrivals();
  assert.deepEqual(roster.journal.instances(), []);
  assert.deepEqual(roster.attached.leftInterfaces(), [{ namespace: undefined, name: 'p6n-1' }]);
});

async function factsOf(path: string): Promise<Attachment> {
  const { dev, ino } = await stat(path);
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return { path, device: dev, inode: ino, bootId, pid: undefined, startTicks: undefined };
}

async function makeRoster(
  folder: string,
  clock: ManualClock,
  ...records: JournalRecord[]
): Promise<Roster> {
  const journal = await Journal.open(join(folder, 'journal'), SILENT_LOGGER);
  for (const record of records) await journal.put(record);
  return new Roster(
    {
      journal,
      supervision: PROCESS_SUPERVISION,
      clock,
      logger: SILENT_LOGGER,
      onChange: () => undefined,
    },
    folder,
  );
}
