// What the registry asks of a database: ordered keys with values and revisions, transactions that
// compare revisions, and a feed of changes. The drivers beside this file hold no rule of the
// registry; one conformance suite runs on all of them.

import { assert } from '../base/assert.ts';

/** The limits of every driver; etcd allows 128 operations in a transaction and 1.5 MiB in all. */
export const TRANSACTION_WRITES_MAX = 128;
export const TRANSACTION_COMPARES_MAX = 128;
export const LIST_PREFIXES_MAX = 128;
export const VALUE_BYTES_MAX: number = 512 * 1024;
export const LEASES_MAX = 65_536;
/** How many of the last revisions a driver keeps for watches that resume, at the least. */
export const REVISIONS_KEPT = 16_384;

/** Keys are printable ASCII, so their order is the same in every database. */
const KEY_PATTERN = /^[\x21-\x7e]{1,512}$/;
const PREFIX_PATTERN = /^[\x21-\x7e]{0,512}$/;

/** A key and its value, any text without NUL, as of the last change. */
export interface StoreEntry {
  readonly key: string;
  readonly value: string;
  /** The store's revision at which the key was created. */
  readonly createRevision: number;
  /** The store's revision of its last change. */
  readonly modRevision: number;
}

export interface StoreCompare {
  readonly key: string;
  /** What the key's modRevision must be; 0 for "does not exist". */
  readonly modRevision: number;
}

export type StoreWrite =
  | { readonly type: 'put'; readonly key: string; readonly value: string; readonly lease?: string }
  | { readonly type: 'delete'; readonly key: string };

export interface StoreTransaction {
  /** All must hold, else nothing is written. */
  readonly compares: readonly StoreCompare[];
  readonly writes: readonly StoreWrite[];
}

export type StoreResult =
  | { readonly committed: true; readonly revision: number }
  | { readonly committed: false };

export interface StoreListing {
  readonly revision: number;
  readonly entries: readonly StoreEntry[];
}

export type StoreChange =
  | { readonly type: 'put'; readonly entry: StoreEntry }
  | { readonly type: 'delete'; readonly key: string };

/** All changes of one revision that a watch asked for; never a part of them, never none. */
export interface StoreRevision {
  readonly revision: number;
  readonly changes: readonly StoreChange[];
}

/**
 * The store does not know the changes after the revision that a watch is at: it forgot them, or it
 * is itself behind that revision. List again.
 */
export class CompactedError extends Error {
  override readonly name = 'CompactedError';
}

/**
 * Every call may reject with a P6nError of code REGISTRY_UNAVAILABLE (try again later) or
 * REGISTRY_CORRUPT. What a resolved `transact` wrote is durable. A call that breaks a limit of this
 * file is a programmer's error: an AssertionError. After `close` every call rejects with
 * REGISTRY_UNAVAILABLE.
 */
export interface Store {
  /** Changes when the store is restored or imported; constant otherwise. */
  readonly incarnation: string;
  get(key: string): Promise<StoreEntry | undefined>;
  /**
   * All entries whose key starts with one of `prefixes`, ordered by key and none twice, as of one
   * revision; with an empty list that revision alone. The empty prefix is that of every key.
   */
  list(prefixes: readonly string[]): Promise<StoreListing>;
  /**
   * Compares and writes in one step. All writes of a transaction have the same new revision, which
   * is larger than any before. To delete what does not exist changes nothing, and a transaction
   * that changes nothing has the current revision. No key is written twice in one transaction. A
   * put without a lease takes the key out of the lease that it had; with a lease that has ended it
   * rejects with NOT_FOUND.
   */
  transact(transaction: StoreTransaction): Promise<StoreResult>;
  /**
   * Every change under `prefix` after `afterRevision`, in order and none twice, by whole revisions,
   * until `signal` aborts, which ends the iteration without an error. Rejects with CompactedError
   * when the changes after that revision are not known (any more), also in the middle, for a
   * consumer that is too slow. Nothing is buffered for a consumer.
   */
  watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncIterable<StoreRevision>;
  /**
   * Makes a lease that ends `ttlMs` after its last renewal and takes the keys put under it along.
   * It ends when the store's own clock says so, with the ordinary changes to be watched. A store
   * that was closed renews all leases when it opens again.
   */
  grantLease(ttlMs: number): Promise<string>;
  /** False when the lease has ended. */
  renewLease(lease: string): Promise<boolean>;
  /** Ends the lease at once; one that has ended is left alone. */
  revokeLease(lease: string): Promise<void>;
  close(): Promise<void>;
}

/** Asserts that `key` keeps to the limits of a key. */
export function assertKey(key: string): void {
  assert(KEY_PATTERN.test(key), 'Store: a key is 1 to 512 printable ASCII characters');
}

/** Asserts that `prefix` may be the start of a key. */
export function assertPrefix(prefix: string): void {
  assert(PREFIX_PATTERN.test(prefix), 'Store: a prefix is up to 512 printable ASCII characters');
}

/** Asserts that `prefixes` keep to the limits of a listing. */
export function assertPrefixes(prefixes: readonly string[]): void {
  assert(prefixes.length <= LIST_PREFIXES_MAX, 'Store: too many prefixes in a listing');
  for (const prefix of prefixes) assertPrefix(prefix);
}

/** Asserts that `transaction` keeps to the limits of a transaction. */
export function assertTransaction(transaction: StoreTransaction): void {
  const { compares, writes } = transaction;
  assert(compares.length <= TRANSACTION_COMPARES_MAX, 'Store: too many compares');
  assert(writes.length <= TRANSACTION_WRITES_MAX, 'Store: too many writes');
  for (const compare of compares) assertKey(compare.key);
  const keys = new Set<string>();
  for (const write of writes) {
    assertKey(write.key);
    assert(!keys.has(write.key), 'Store: a key is written twice in one transaction');
    keys.add(write.key);
    if (write.type === 'put') {
      assert(Buffer.byteLength(write.value) <= VALUE_BYTES_MAX, 'Store: a value is too long');
      assert(!write.value.includes('\0'), 'Store: a value has no NUL');
    }
  }
}
