// Listings as of one revision: the first page of every prefix in one transaction, what is left of
// each by pages as of the revision of that.

import { status } from '@grpc/grpc-js';
import type { StoreEntry, StoreListing } from '../store.ts';
import { isStatus } from './etcd-client.ts';
import { type Keyspace, read } from './keyspace.ts';
import { keyValueOf } from './pens.ts';
import type { KeyValue, RangeResponse, UnaryMethods } from './protocol.ts';

/** Entries of an answer. */
const PAGE_ENTRIES_MAX = 2_048;
const PAGE_ENTRIES_MIN = 64;
/** A listing that etcd compacts away under its reader begins anew, so often. */
const ATTEMPTS_MAX = 5;

export type Ask = <N extends 'KV/Range' | 'KV/Txn'>(
  name: N,
  request: UnaryMethods[N]['request'],
) => Promise<UnaryMethods[N]['response']>;

/** As `Store.list` promises. */
export async function list(
  ask: Ask,
  keyspace: Keyspace,
  prefixes: readonly string[],
): Promise<StoreListing> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await listOnce(ask, keyspace, prefixes);
    } catch (error) {
      if (!isCompacted(error) || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

async function listOnce(
  ask: Ask,
  keyspace: Keyspace,
  prefixes: readonly string[],
): Promise<StoreListing> {
  const { head } = keyspace;
  const ranges = prefixes.map((prefix) => keyspace.range(prefix));
  const share = Math.floor(PAGE_ENTRIES_MAX / Math.max(1, ranges.length));
  const limit = Math.max(PAGE_ENTRIES_MIN, share);
  const first = await ask('KV/Txn', {
    compare: [],
    success: [read(head), ...ranges.map((range) => ({ requestRange: { ...range, limit } }))],
    failure: [],
  });
  const [headRead, ...pages] = first.responses;
  if (prefixes.length === 0) {
    return { revision: Number(keyValueOf(headRead)?.modRevision ?? 0), entries: [] };
  }
  const revision = Number(first.header.revision);
  const entries = new Map<string, StoreEntry>();
  const add = (kvs: readonly KeyValue[]): void => {
    for (const kv of kvs) {
      const entry = keyspace.entry(kv);
      entries.set(entry.key, entry);
    }
  };
  for (const [index, { key, rangeEnd }] of ranges.entries()) {
    let page: RangeResponse | null | undefined = pages[index]?.responseRange;
    add(page?.kvs ?? []);
    while (page?.more === true) {
      const from = after(page.kvs.at(-1)?.key ?? key);
      page = await ask('KV/Range', { key: from, rangeEnd, limit: PAGE_ENTRIES_MAX, revision });
      add(page.kvs);
    }
  }
  const ordered = [...entries.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  return { revision, entries: ordered };
}

/** The least key above `key`. */
function after(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.of(0)]);
}

function isCompacted(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return isStatus(cause, status.OUT_OF_RANGE);
}
