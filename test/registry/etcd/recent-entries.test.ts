// What a server knows of etcd without asking: nothing older than what it has seen, in whichever
// order answers and the watch come.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentEntries } from '../../../src/registry/etcd/recent-entries.ts';
import type { StoreChange, StoreEntry } from '../../../src/registry/store.ts';

test('RecentEntries knows answers, also of nothing, and what the watch says after', () => {
  const recent = watching();
  recent.note('a', entry('a', '1', 10), 10);
  recent.note('b', undefined, 10);
  assert.equal(recent.find('a')?.entry?.value, '1');
  assert.deepEqual(recent.find('b'), { entry: undefined });
  assert.equal(recent.find('c'), undefined);
  const changes: StoreChange[] = [
    { type: 'delete', key: 'a' },
    { type: 'put', entry: entry('b', '2', 11) },
    { type: 'put', entry: entry('c', '3', 11) },
  ];
  recent.noteRevision({ revision: 11, changes });
  assert.deepEqual(recent.find('a'), { entry: undefined });
  assert.equal(recent.find('b')?.entry?.value, '2');
  assert.equal(recent.find('c'), undefined, 'nobody has asked for it');
});

test('RecentEntries takes no answer that the watch has left behind', () => {
  const recent = watching();
  recent.noteRevision({ revision: 11, changes: [{ type: 'put', entry: entry('a', '2', 11) }] });
  recent.note('a', entry('a', '1', 5), 10);
  assert.equal(recent.find('a'), undefined);
  recent.note('a', entry('a', '3', 20), 20);
  recent.noteRevision({ revision: 12, changes: [{ type: 'delete', key: 'a' }] });
  assert.equal(recent.find('a')?.entry?.value, '3');
});

test('RecentEntries does not know what was written here until the watch tells of it', () => {
  const recent = watching();
  recent.note('a', entry('a', '1', 10), 10);
  recent.written(['a'], 11);
  assert.equal(recent.find('a'), undefined);
  recent.note('a', entry('a', '1', 10), 10);
  assert.equal(recent.find('a'), undefined);
  recent.noteRevision({ revision: 11, changes: [{ type: 'put', entry: entry('a', '2', 11) }] });
  assert.equal(recent.find('a')?.entry?.value, '2');
});

test('RecentEntries knows nothing while there is no watch, and after a refusal', () => {
  const recent = watching();
  recent.note('a', entry('a', '1', 10), 10);
  recent.forget(['a', 'b']);
  assert.equal(recent.find('a'), undefined);
  recent.note('a', entry('a', '1', 10), 10);
  recent.setWatching(false);
  recent.note('b', entry('b', '1', 10), 10);
  recent.setWatching(true);
  assert.equal(recent.find('a'), undefined);
  assert.equal(recent.find('b'), undefined);
});

test('RecentEntries forgets what was not asked for longest', () => {
  const recent = watching();
  const large = 'x'.repeat(1_048_576);
  recent.note('often', entry('often', '1', 10), 10);
  for (let n = 0; n < 64; n += 1) {
    recent.note(`large-${n}`, entry(`large-${n}`, large, 10), 10);
    assert.equal(recent.find('often')?.entry?.value, '1');
  }
  assert.equal(recent.find('large-0'), undefined);
});

function watching(): RecentEntries {
  const recent = new RecentEntries();
  recent.restart(9);
  recent.setWatching(true);
  return recent;
}

function entry(key: string, value: string, modRevision: number): StoreEntry {
  return { key, value, createRevision: 1, modRevision };
}
