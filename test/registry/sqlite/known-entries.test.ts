// What the store knows without asking its thread: the last answers and every change, within bounds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KnownEntries } from '../../../src/registry/sqlite/known-entries.ts';
import type { StoreEntry } from '../../../src/registry/store.ts';

test('KnownEntries knows answers, also that there is nothing, and every change after', () => {
  const known = new KnownEntries();
  known.note('a', entry('a', '1'));
  known.note('b', undefined);
  assert.equal(known.get('a')?.value, '1');
  assert.ok(known.has('b'));
  assert.equal(known.get('b'), undefined);
  assert.equal(known.has('c'), false);
  known.noteRevision({
    revision: 2,
    changes: [
      { type: 'delete', key: 'a' },
      { type: 'put', entry: entry('b', '2') },
      { type: 'put', entry: entry('c', '3') },
      { type: 'delete', key: 'd' },
    ],
  });
  assert.ok(known.has('a'));
  assert.equal(known.get('a'), undefined);
  assert.equal(known.get('b')?.value, '2');
  assert.equal(known.get('c')?.value, '3');
  assert.equal(known.has('d'), false);
});

test('KnownEntries forgets what was not asked for longest', () => {
  const known = new KnownEntries();
  const large = 'x'.repeat(1_048_576);
  known.note('often', entry('often', '1'));
  for (let n = 0; n < 64; n += 1) {
    known.note(`large-${n}`, entry(`large-${n}`, large));
    assert.equal(known.get('often')?.value, '1');
  }
  assert.equal(known.has('large-0'), false);
  assert.ok(known.has('large-63'));
  for (let n = 0; n < 20_000; n += 1) known.note(`small-${n}`, undefined);
  assert.equal(known.has('small-0'), false);
  assert.equal(known.has('often'), false);
  assert.ok(known.has('small-19999'));
});

function entry(key: string, value: string): StoreEntry {
  return { key, value, createRevision: 1, modRevision: 1 };
}
