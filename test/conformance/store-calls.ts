// Short calls on a store for the suites that hold all stores to the port.

import assert from 'node:assert/strict';
import type { Store, StoreChange, StoreRevision, StoreWrite } from '../../src/registry/store.ts';
import type { ManualClock } from '../fakes/manual-clock.ts';

/** How many revisions the stores under test keep, at the least. */
export const REVISIONS_KEPT = 16;

/** Runs one test on a fresh store. */
export type Check = (
  criterion: string,
  body: (store: Store, clock: ManualClock) => Promise<void>,
) => void;

export async function put(
  store: Store,
  key: string,
  value: string,
  lease?: string,
): Promise<number> {
  return await transact(store, [
    lease === undefined ? { type: 'put', key, value } : { type: 'put', key, value, lease },
  ]);
}

export async function remove(store: Store, key: string): Promise<number> {
  return await transact(store, [{ type: 'delete', key }]);
}

export async function transact(store: Store, writes: readonly StoreWrite[]): Promise<number> {
  const result = await store.transact({ compares: [], writes });
  assert.ok(result.committed);
  return result.revision;
}

export async function keys(store: Store, ...prefixes: readonly string[]): Promise<string[]> {
  return (await store.list(prefixes)).entries.map(({ key }) => key);
}

/** The first `count` revisions of a watch, fewer when it ends before. */
export async function collect(
  store: Store,
  prefix: string,
  after: number,
  count: number,
  signal: AbortSignal = new AbortController().signal,
): Promise<readonly StoreRevision[]> {
  const revisions: StoreRevision[] = [];
  for await (const revision of store.watch(prefix, after, signal)) {
    if (revision.changes.length === 0) continue;
    revisions.push(revision);
    if (revisions.length === count) break;
  }
  return revisions;
}

/** The revisions of a watch up to the first that changes `last`. */
export async function collectUntil(
  store: Store,
  prefix: string,
  after: number,
  last: string,
): Promise<readonly StoreRevision[]> {
  const revisions: StoreRevision[] = [];
  for await (const revision of store.watch(prefix, after, new AbortController().signal)) {
    revisions.push(revision);
    if (revision.changes.some((change) => keyOf(change) === last)) break;
  }
  return revisions;
}

export function keyOf(change: StoreChange): string {
  return change.type === 'put' ? change.entry.key : change.key;
}

export function entryPut(
  key: string,
  value: string,
  created: number,
  modified: number,
): StoreChange {
  return {
    type: 'put',
    entry: { key, value, createRevision: created, modRevision: modified },
  };
}
