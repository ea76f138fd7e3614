// What every store must do, word by word of src/registry/store.ts. Each driver's test runs it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssertionError } from '../../src/base/assert.ts';
import {
  CompactedError,
  LIST_PREFIXES_MAX,
  type Store,
  type StoreWrite,
  TRANSACTION_COMPARES_MAX,
  TRANSACTION_WRITES_MAX,
  VALUE_BYTES_MAX,
} from '../../src/registry/store.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { type Check, collect, keys, put, REVISIONS_KEPT, remove, transact } from './store-calls.ts';
import { testLeases, testWatch, testWatchPast } from './store-watch-suite.ts';
import { testWireguardPeers } from './wireguard-suite.ts';

/** How a store under test is made. */
export interface StoreFixture {
  /** Why the store cannot be tested here. */
  readonly skip?: string | undefined;
  /** The store has a clock of its own: its leases end with real time, in tests of their own. */
  readonly hasOwnClock?: boolean;
  /** A fresh store that keeps at least `revisionsKept` revisions. */
  open(clock: ManualClock, revisionsKept: number): Promise<Store>;
  /** Removes what `open` made outside of memory. */
  remove(): Promise<void>;
}

export function testStore(name: string, makeFixture: () => StoreFixture): void {
  const check = (
    criterion: string,
    body: (store: Store, clock: ManualClock) => Promise<void>,
  ): void => {
    test(`${name} ${criterion}`, { skip: makeFixture().skip ?? false }, async () => {
      const fixture = makeFixture();
      const clock = new ManualClock();
      const store = await fixture.open(clock, REVISIONS_KEPT);
      try {
        await body(store, clock);
      } finally {
        await store.close();
        await fixture.remove();
      }
    });
  };
  testEntries(check);
  testTransactions(check);
  testLimits(check);
  testWatch(check);
  testWatchPast(check);
  if (makeFixture().hasOwnClock !== true) testLeases(check);
  testIncarnations(check);
  testWireguardPeers(check);
  check('rejects every call after close', async (store) => {
    await store.close();
    const unavailable = { code: 'REGISTRY_UNAVAILABLE' };
    await assert.rejects(store.get('a'), unavailable);
    await assert.rejects(store.list(['']), unavailable);
    await assert.rejects(put(store, 'a', '1'), unavailable);
    await assert.rejects(store.grantLease(1), unavailable);
    await assert.rejects(store.renewLease('x'), unavailable);
    await assert.rejects(store.revokeLease('x'), unavailable);
    await assert.rejects(collect(store, '', 0, 1), unavailable);
    await store.close();
  });
}

function testEntries(check: Check): void {
  check('has nothing at first, at a revision', async (store) => {
    assert.equal(await store.get('a'), undefined);
    const { entries, revision } = await store.list(['']);
    assert.deepEqual(entries, []);
    assert.ok(Number.isSafeInteger(revision) && revision >= 0);
    assert.match(store.incarnation, /^[0-9a-f]{16}$/);
  });

  check('counts the revisions of a key', async (store) => {
    const first = await put(store, 'a', '1');
    const second = await put(store, 'a', '2');
    assert.ok(second > first);
    assert.deepEqual(await store.get('a'), {
      key: 'a',
      value: '2',
      createRevision: first,
      modRevision: second,
    });
    await remove(store, 'a');
    assert.equal(await store.get('a'), undefined);
    const third = await put(store, 'a', '3');
    assert.ok(third > second);
    assert.equal((await store.get('a'))?.createRevision, third);
  });

  check('lists by prefix, ordered by key, none twice', async (store) => {
    for (const key of ['b', 'a/2', 'a/10', 'a', 'a/', 'a0', 'A/1', 'a/~', 'ab']) {
      await put(store, key, key);
    }
    assert.deepEqual(await keys(store, 'a/'), ['a/', 'a/10', 'a/2', 'a/~']);
    assert.deepEqual(await keys(store, 'a/~'), ['a/~']);
    assert.deepEqual(await keys(store, 'a/~~'), []);
    assert.deepEqual(await keys(store, 'b', 'a/1', 'a/', 'b'), ['a/', 'a/10', 'a/2', 'a/~', 'b']);
    assert.equal((await keys(store, '')).length, 9);
    assert.deepEqual(await keys(store), []);
  });

  check('lists as of the revision that it says', async (store) => {
    const revision = await put(store, 'a', '1');
    assert.equal((await store.list([])).revision, revision);
    assert.equal((await store.list(['nothing'])).revision, revision);
    // Two keys that always change together are never seen apart.
    const writers = Array.from({ length: 20 }, (_, i) =>
      store.transact({
        compares: [],
        writes: [
          { type: 'put', key: 'x', value: `${i}` },
          { type: 'put', key: 'y', value: `${i}` },
        ],
      }),
    );
    for (let i = 0; i < 20; i++) {
      const listing = await store.list(['x', 'y']);
      const [x, y] = listing.entries;
      assert.equal(x?.value, y?.value);
      assert.ok((x?.modRevision ?? 0) <= listing.revision);
    }
    await Promise.all(writers);
  });

  check('answers what is asked at once each with its own', async (store) => {
    const revision = await transact(
      store,
      ['3', '50', '199'].map((key) => ({ type: 'put', key, value: `of ${key}` })),
    );
    const asked = Array.from({ length: 200 }, (_, n) => store.get(`${n}`));
    const found = (await Promise.all(asked)).flatMap((entry) => entry ?? []);
    assert.deepEqual(
      found.map(({ key, value, modRevision }) => [key, value, modRevision]),
      ['3', '50', '199'].map((key) => [key, `of ${key}`, revision]),
    );
  });

  check('keeps any text as a value', async (store) => {
    for (const value of ['', '\x01', 'ä\u{1f600}\n"\\', 'x'.repeat(VALUE_BYTES_MAX)]) {
      await put(store, 'a', value);
      assert.equal((await store.get('a'))?.value, value);
    }
  });
}

function testTransactions(check: Check): void {
  check('commits only when every compare holds', async (store) => {
    const revision = await put(store, 'a', '1');
    const attempt = (modRevision: number, other: number): Promise<boolean> =>
      store
        .transact({
          compares: [
            { key: 'a', modRevision },
            { key: 'b', modRevision: other },
          ],
          writes: [{ type: 'put', key: 'b', value: '2' }],
        })
        .then(({ committed }) => committed);
    assert.equal(await attempt(0, 0), false);
    assert.equal(await attempt(revision + 1, 0), false);
    assert.equal(await attempt(revision, revision), false);
    assert.equal(await store.get('b'), undefined);
    assert.equal((await store.list([])).revision, revision);
    assert.equal(await attempt(revision, 0), true);
    assert.equal(await attempt(revision, 0), false);
  });

  check('gives all writes of a transaction one revision', async (store) => {
    await put(store, 'c', '1');
    const result = await store.transact({
      compares: [],
      writes: [
        { type: 'put', key: 'a', value: '1' },
        { type: 'delete', key: 'c' },
        { type: 'put', key: 'b', value: '1' },
      ],
    });
    assert.ok(result.committed);
    const { entries, revision } = await store.list(['']);
    assert.equal(revision, result.revision);
    assert.deepEqual(
      entries.map(({ key, modRevision }) => [key, modRevision]),
      [
        ['a', revision],
        ['b', revision],
      ],
    );
  });

  check('changes nothing by deleting what is not there', async (store) => {
    const revision = await put(store, 'a', '1');
    const nothing: readonly (readonly StoreWrite[])[] = [[], [{ type: 'delete', key: 'b' }]];
    for (const writes of nothing) {
      const result = await store.transact({ compares: [], writes });
      assert.deepEqual(result, { committed: true, revision });
    }
    assert.equal((await store.list([])).revision, revision);
  });

  check('lets one of many that compare the same win, each time', async (store) => {
    const increment = async (): Promise<number> => {
      for (let losses = 0; ; losses++) {
        const entry = await store.get('n');
        const { committed } = await store.transact({
          compares: [{ key: 'n', modRevision: entry?.modRevision ?? 0 }],
          writes: [{ type: 'put', key: 'n', value: `${Number(entry?.value ?? 0) + 1}` }],
        });
        if (committed) return losses;
      }
    };
    const losses = await Promise.all(Array.from({ length: 25 }, increment));
    assert.equal((await store.get('n'))?.value, '25');
    assert.ok(losses.some((count) => count > 0));
  });
}

function testIncarnations(check: Check): void {
  check('begins a new incarnation that ends every watch', async (store) => {
    await put(store, 'a', '1');
    const { revision } = await store.list([]);
    const before = store.incarnation;
    assert.equal(store.restored, undefined);
    const ended = assert.rejects(collect(store, '', revision, 1), CompactedError);
    assert.ok(await store.beginIncarnation([{ type: 'put', key: 'b', value: '2' }]));
    await ended;
    assert.notEqual(store.incarnation, before);
    assert.match(store.incarnation, /^[0-9a-f]{16}$/);
    assert.deepEqual(await keys(store, ''), ['a', 'b']);
    const { revision: after } = await store.list([]);
    assert.ok(after > revision);
    const next = await put(store, 'c', '3');
    assert.deepEqual((await collect(store, '', after, 1))[0]?.revision, next);
  });
}

function testLimits(check: Check): void {
  check('asserts the limits of keys, values and transactions', async (store) => {
    for (const key of ['', 'a b', 'ä', 'a\n', '\x7f', 'x'.repeat(513)]) {
      await assert.rejects(put(store, key, ''), AssertionError);
      await assert.rejects(store.get(key), AssertionError);
    }
    await put(store, 'x'.repeat(512), '');
    await assert.rejects(put(store, 'a', 'x'.repeat(VALUE_BYTES_MAX + 1)), AssertionError);
    await assert.rejects(put(store, 'a', 'ä'.repeat(VALUE_BYTES_MAX / 2 + 1)), AssertionError);
    await assert.rejects(put(store, 'a', 'a\0b'), AssertionError);
    await assert.rejects(store.list(['a', 'ä']), AssertionError);
    await assert.rejects(store.list(new Array(LIST_PREFIXES_MAX + 1).fill('a')), AssertionError);
    const writes = (count: number): StoreWrite[] =>
      Array.from({ length: count }, (_, i) => ({ type: 'put', key: `${i}`, value: '' }));
    const compares = (count: number): { key: string; modRevision: number }[] =>
      Array.from({ length: count }, () => ({ key: 'none', modRevision: 0 }));
    await assert.rejects(
      store.transact({ compares: [], writes: writes(TRANSACTION_WRITES_MAX + 1) }),
      AssertionError,
    );
    await assert.rejects(
      store.transact({ compares: compares(TRANSACTION_COMPARES_MAX + 1), writes: [] }),
      AssertionError,
    );
    const long = { type: 'put', value: 'x'.repeat(VALUE_BYTES_MAX) } as const;
    await assert.rejects(
      store.transact({ compares: [], writes: ['a', 'b', 'c'].map((key) => ({ ...long, key })) }),
      AssertionError,
    );
    const twice = [...writes(1), { type: 'delete', key: '0' } as const];
    await assert.rejects(store.transact({ compares: [], writes: twice }), AssertionError);
    const result = await store.transact({
      compares: compares(TRANSACTION_COMPARES_MAX),
      writes: writes(TRANSACTION_WRITES_MAX),
    });
    assert.ok(result.committed);
    assert.throws(() => store.watch('ä', 0, AbortSignal.timeout(1)), AssertionError);
  });
}
