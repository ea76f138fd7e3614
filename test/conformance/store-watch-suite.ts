// What the feeds and leases of every store must do, word by word of src/registry/store.ts.

import assert from 'node:assert/strict';
import { CompactedError, type StoreRevision, type StoreWrite } from '../../src/registry/store.ts';
import {
  type Check,
  collect,
  collectUntil,
  entryPut,
  keyOf,
  keys,
  put,
  REVISIONS_KEPT,
  remove,
  transact,
} from './store-calls.ts';

const LEASE_MS = 10_000;

export function testWatch(check: Check): void {
  check('watches every change of a prefix by whole revisions', async (store) => {
    const { revision: start } = await store.list([]);
    const watched = collect(store, 'a/', start, 4);
    const first = await put(store, 'a/1', '1');
    await put(store, 'b/1', '1');
    await put(store, 'a', '1');
    const second = await transact(store, [
      { type: 'put', key: 'a/1', value: '2' },
      { type: 'put', key: 'b/1', value: '2' },
      { type: 'put', key: 'a/2', value: '2' },
    ]);
    await remove(store, 'a/none');
    const third = await remove(store, 'a/1');
    const fourth = await put(store, 'a/1', '3');
    assert.deepEqual(await watched, [
      { revision: first, changes: [entryPut('a/1', '1', first, first)] },
      {
        revision: second,
        changes: [entryPut('a/1', '2', first, second), entryPut('a/2', '2', second, second)],
      },
      { revision: third, changes: [{ type: 'delete', key: 'a/1' }] },
      { revision: fourth, changes: [entryPut('a/1', '3', fourth, fourth)] },
    ]);
  });

  check('watches without a gap or a repetition while writes go on', async (store) => {
    const writes = 12;
    const { revision: start } = await store.list([]);
    const watched = (): Promise<readonly StoreRevision[]> => collectUntil(store, 'k', start, 'k-');
    const live = watched();
    const results: Promise<number>[] = [];
    const late: Promise<readonly StoreRevision[]>[] = [];
    for (let i = 0; i < writes; i++) {
      results.push(put(store, `k${i}`, `${i}`));
      late.push(watched());
      if (i % 3 === 0) await results.at(-1);
    }
    await Promise.all(results);
    await put(store, 'k-', '');
    const all = await Promise.all([live, ...late]);
    const seen = all[0]?.flatMap(({ changes }) => changes.map(keyOf));
    const written = ['k-', ...Array.from({ length: writes }, (_, i) => `k${i}`)];
    assert.deepEqual(seen?.toSorted(), written.toSorted());
    for (const revisions of all) assert.deepEqual(revisions, all[0]);
  });

  check('goes on exactly after any listing', async (store) => {
    const state = async (): Promise<string> =>
      (await store.list(['k'])).entries.map(({ key, value }) => `${key}=${value}`).join();
    const writers = Promise.all(
      Array.from({ length: 10 }, (_, i) => put(store, `k${i % 3}`, `${i}`)),
    );
    const listing = await store.list(['k']);
    await writers;
    await put(store, 'k9', 'end');
    const copy = new Map(listing.entries.map(({ key, value }) => [key, value]));
    for (const { changes } of await collectUntil(store, 'k', listing.revision, 'k9')) {
      for (const change of changes) {
        if (change.type === 'put') copy.set(change.entry.key, change.entry.value);
      }
    }
    const copied = [...copy].sort().map(([key, value]) => `${key}=${value}`);
    assert.equal(copied.join(), await state());
  });

  check('ends a watch without an error when its signal aborts', async (store) => {
    const { revision } = await store.list([]);
    const aborts = new AbortController();
    const idle = collect(store, '', revision, 1, aborts.signal);
    aborts.abort();
    assert.deepEqual(await idle, []);
    assert.deepEqual(await collect(store, '', revision, 1, AbortSignal.abort()), []);
    await put(store, 'a', '1');
    await put(store, 'a', '2');
    const middle = new AbortController();
    let seen = 0;
    for await (const _ of store.watch('', revision, middle.signal)) {
      seen += 1;
      middle.abort();
    }
    assert.equal(seen, 1);
  });
}

export function testWatchPast(check: Check): void {
  check('watches from a revision that is past but kept', async (store) => {
    const start = (await store.list([])).revision;
    for (let i = 0; i < REVISIONS_KEPT; i++) await put(store, `k${i}`, '');
    const revisions = await collect(store, 'k', start, REVISIONS_KEPT);
    assert.equal(revisions.length, REVISIONS_KEPT);
    const [last] = await collect(store, 'k', start + REVISIONS_KEPT - 1, 1);
    assert.deepEqual(last?.changes.map(keyOf), [`k${REVISIONS_KEPT - 1}`]);
  });

  check('says that a revision is compacted', async (store) => {
    const start = (await store.list([])).revision;
    const slow = store.watch('', start, AbortSignal.timeout(60_000))[Symbol.asyncIterator]();
    await put(store, 'first', '');
    assert.equal((await slow.next()).done, false);
    // Far more than a store keeps in memory besides its log.
    for (let i = 0; i < 12; i++) {
      // Of one key, so that none of them share a revision.
      await Promise.all(Array.from({ length: 25 }, (_, j) => put(store, 'k', `${i} ${j}`)));
    }
    await assert.rejects(collect(store, '', start, 1), CompactedError);
    await assert.rejects(slow.next(), CompactedError);
  });

  check(
    'watches from every revision without a gap, or says that it is compacted',
    async (store) => {
      const start = (await store.list([])).revision;
      const count = 8 * REVISIONS_KEPT;
      for (let i = 0; i < count; i++) await put(store, 'k', `${i}`);
      let compacted = 0;
      for (let after = start; after < start + count; after++) {
        const first = await collect(store, 'k', after, 1).catch((error: unknown) => {
          assert.ok(error instanceof CompactedError);
          compacted += 1;
          return undefined;
        });
        if (first !== undefined) assert.equal(first[0]?.revision, after + 1);
      }
      assert.ok(
        count - compacted >= REVISIONS_KEPT,
        'fewer revisions are kept than were asked for',
      );
    },
  );

  check('says that a revision is not reached yet', async (store) => {
    const { revision } = await store.list([]);
    await assert.rejects(collect(store, '', revision + 1, 1), CompactedError);
  });
}

export function testLeases(check: Check): void {
  check('takes the keys of a lease along when it ends', async (store, clock) => {
    const lease = await store.grantLease(LEASE_MS);
    await put(store, 'b', '1', lease);
    await put(store, 'a', '1', lease);
    const revision = await put(store, 'c', '1');
    clock.advance(LEASE_MS - 1);
    assert.equal((await store.get('a'))?.value, '1');
    clock.advance(1);
    assert.equal(await store.get('a'), undefined);
    assert.deepEqual(await keys(store, ''), ['c']);
    const [ended] = await collect(store, '', revision, 1);
    assert.deepEqual(ended?.changes.map(keyOf), ['a', 'b']);
    assert.equal(await store.renewLease(lease), false);
  });

  check('ends leases while nobody calls', async (store, clock) => {
    const lease = await store.grantLease(LEASE_MS);
    const revision = await put(store, 'a', '1', lease);
    const watched = collect(store, 'a', revision, 1);
    clock.advance(LEASE_MS);
    const [ended] = await watched;
    assert.deepEqual(ended?.changes, [{ type: 'delete', key: 'a' }]);
  });

  check('keeps a lease that is renewed', async (store, clock) => {
    const lease = await store.grantLease(LEASE_MS);
    const other = await store.grantLease(LEASE_MS);
    await put(store, 'a', '1', lease);
    await put(store, 'b', '1', other);
    for (let i = 0; i < 3; i++) {
      clock.advance(LEASE_MS - 1);
      assert.equal(await store.renewLease(lease), true);
    }
    assert.deepEqual(await keys(store, ''), ['a']);
    assert.equal(await store.renewLease('unknown'), false);
  });

  check('ends a lease that is revoked', async (store) => {
    const lease = await store.grantLease(LEASE_MS);
    await put(store, 'a', '1', lease);
    await store.revokeLease(lease);
    assert.equal(await store.get('a'), undefined);
    assert.equal(await store.renewLease(lease), false);
    await store.revokeLease(lease);
  });

  check('lets a key leave its lease by the next put', async (store, clock) => {
    const lease = await store.grantLease(LEASE_MS);
    const next = await store.grantLease(2 * LEASE_MS);
    for (const key of ['a', 'b', 'c']) await put(store, key, '1', lease);
    await put(store, 'a', '2');
    await put(store, 'b', '2', next);
    clock.advance(LEASE_MS);
    assert.deepEqual(await keys(store, ''), ['a', 'b']);
    clock.advance(LEASE_MS);
    assert.deepEqual(await keys(store, ''), ['a']);
  });

  check('refuses to write under a lease that has ended', async (store, clock) => {
    const lease = await store.grantLease(LEASE_MS);
    clock.advance(LEASE_MS);
    await assert.rejects(put(store, 'a', '1', lease), { code: 'NOT_FOUND' });
    const writes: StoreWrite[] = [
      { type: 'put', key: 'b', value: '1' },
      { type: 'put', key: 'c', value: '1', lease: 'unknown' },
    ];
    await assert.rejects(store.transact({ compares: [], writes }), { code: 'NOT_FOUND' });
    assert.deepEqual(await keys(store, ''), []);
    const failing = { compares: [{ key: 'a', modRevision: 1 }], writes };
    assert.deepEqual(await store.transact(failing), { committed: false });
    await put(store, 'a', '1');
  });
}
