// The journal on a real file system: what it holds is what was put last, also after a crash, and a
// damaged file costs one record.

import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Journal } from '../../src/agent/journal.ts';
import { formatRecord, parseRecord } from '../../src/agent/journal-record.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { type Logger, SILENT_LOGGER } from '../../src/base/logger.ts';
import { makeRecord } from './agent-world.ts';

describe('Journal', () => {
  let folder = '';
  let warnings: string[] = [];
  const logger: Logger = { ...SILENT_LOGGER, warn: (message) => void warnings.push(message) };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'p6n-'));
    warnings = [];
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('holds what was put, also after it is opened again', async () => {
    const journal = await Journal.open(folder, logger);
    const record = makeRecord();
    await journal.put(record);
    const again = await Journal.open(folder, logger);
    assert.deepEqual(again.records(), [record]);
    assert.deepEqual(again.find(record.instance.name), record);
    assert.deepEqual(again.find(record.instance.machineId), record);
  });

  test('writes for its owner alone', async () => {
    const journal = await Journal.open(join(folder, 'journal'), logger);
    const record = makeRecord();
    await journal.put(record);
    const file = join(folder, 'journal', `${record.instance.machineId}.json`);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, 'journal')).mode & 0o777, 0o700);
  });

  test('holds the last of several puts at once', async () => {
    const journal = await Journal.open(folder, logger);
    const record = makeRecord();
    const puts = [1, 2, 3, 4].map((tun) => journal.put({ ...record, tun }));
    assert.equal(journal.records()[0]?.tun, 4);
    await Promise.all(puts);
    assert.equal((await Journal.open(folder, logger)).records()[0]?.tun, 4);
  });

  test('forgets for good', async () => {
    const journal = await Journal.open(folder, logger);
    const record = makeRecord();
    await journal.put(record);
    await journal.forget(record.instance.machineId);
    assert.deepEqual((await Journal.open(folder, logger)).records(), []);
    assert.deepEqual(readdirSync(folder), []);
  });

  test('hides a removed record from people and keeps it until it is forgotten', async () => {
    const journal = await Journal.open(folder, logger);
    const record = { ...makeRecord(), removed: true };
    await journal.put(record);
    assert.deepEqual(journal.instances(), []);
    assert.equal(journal.find(record.instance.name), undefined);
    assert.ok(journal.takenInstanceIds().has(record.instance.instanceId));
    assert.deepEqual((await Journal.open(folder, logger)).records(), [record]);
  });

  test('sets a damaged record aside at every length and keeps the others', async () => {
    const journal = await Journal.open(folder, logger);
    const kept = makeRecord();
    const damaged = makeRecord();
    await journal.put(kept);
    await journal.put(damaged);
    const file = join(folder, `${damaged.instance.machineId}.json`);
    const text = readFileSync(file);
    // The newline at the end is no part of the record.
    for (const length of [0, 1, 100, text.length - 2]) {
      writeFileSync(file, text);
      truncateSync(file, length);
      warnings = [];
      const again = await Journal.open(folder, logger);
      assert.deepEqual(again.records(), [kept]);
      assert.equal(warnings.length, 1);
      assert.ok(readdirSync(folder).includes(`${damaged.instance.machineId}.json.damaged`));
    }
  });

  test('leaves alone what a crash left of a file that was being written', async () => {
    const journal = await Journal.open(folder, logger);
    const record = makeRecord();
    await journal.put(record);
    writeFileSync(join(folder, `${record.instance.machineId}.json.new`), '{"version"');
    assert.deepEqual((await Journal.open(folder, logger)).records(), [record]);
    assert.deepEqual(warnings, []);
  });

  test('sets aside a record that stands under another name', async () => {
    const record = makeRecord();
    writeFileSync(join(folder, '0123456789abcd.json'), formatRecord(record));
    assert.deepEqual((await Journal.open(folder, logger)).records(), []);
    assert.equal(warnings.length, 1);
  });

  test('holds what was before when it cannot write', async () => {
    const journal = await Journal.open(folder, logger);
    const record = makeRecord();
    await journal.put(record);
    rmSync(folder, { recursive: true });
    await assert.rejects(journal.put({ ...record, tun: 2 }), { code: 'STATE_UNWRITABLE' });
    assert.deepEqual(journal.records(), [record]);
    const other = makeRecord();
    await assert.rejects(journal.put(other), { code: 'STATE_UNWRITABLE' });
    assert.equal(journal.get(other.instance.machineId), undefined);
  });

  test('holds none of several puts at once that it cannot write', async () => {
    const journal = await Journal.open(folder, logger);
    const record = makeRecord();
    await journal.put(record);
    rmSync(folder, { recursive: true });
    const puts = [2, 3].map((tun) => journal.put({ ...record, tun }));
    for (const { status } of await Promise.allSettled(puts)) assert.equal(status, 'rejected');
    assert.deepEqual(journal.records(), [record]);
  });

  test('gives the smallest TUN number that is free', async () => {
    const journal = await Journal.open(folder, logger);
    assert.equal(journal.freeTun(), 1);
    await journal.put(makeRecord({ tun: 1 }));
    await journal.put(makeRecord({ tun: 3 }));
    assert.equal(journal.freeTun(), 2);
  });
});

test('parseRecord() takes back what formatRecord() gives', () => {
  const record = makeRecord({
    origin: 'attached',
    attachment: {
      path: '/run/netns/a',
      device: 4,
      inode: 5,
      pid: undefined,
      bootId: 'b0071d',
      startTicks: undefined,
    },
    exit: { code: 1, signal: undefined, at: 5 as WallMillis },
    startsAgain: true,
  });
  const again = parseRecord(formatRecord(record));
  assert.ok(again !== undefined);
  assert.equal(formatRecord(again), formatRecord(record));
});

for (const [what, change] of [
  ['another version', { version: 2 }],
  ['an address that is not that of its ids', { instance: { address: 'fdaa:1:1:1:1:1:1:2' } }],
  ['an unknown state', { instance: { state: 'paused' } }],
  ['a machine id of another form', { instance: { machineId: 'web' } }],
  ['metadata that is no text', { instance: { metadata: { a: 1 } } }],
  ['the number of the host TUN', { tun: 0 }],
  ['an attached instance without a namespace', { origin: 'attached' }],
  ['a command that is no list', { command: 'server' }],
] as const) {
  test(`parseRecord() refuses ${what}`, () => {
    const value = JSON.parse(formatRecord(makeRecord())) as { instance: object };
    const instance = { ...value.instance, ...('instance' in change ? change.instance : {}) };
    assert.equal(parseRecord(JSON.stringify({ ...value, ...change, instance })), undefined);
  });
}
