// What the registry asks of a database: ordered keys with values and revisions, transactions that
// compare revisions, and a feed of changes. The drivers beside this file hold no rule of the
// registry; one conformance suite runs on all of them.

import { assert } from '../base/assert.ts';

/**
 * The limits of every driver; etcd allows 128 operations in a transaction, of which its driver
 * needs some itself, and 1.5 MiB in all.
 */
export const TRANSACTION_WRITES_MAX = 120;
export const TRANSACTION_COMPARES_MAX = 120;
export const TRANSACTION_BYTES_MAX: number = 1024 * 1024;
export const LIST_PREFIXES_MAX = 120;
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

/**
 * All changes of one revision that a watch asked for, never a part of them; none at all only for a
 * watch of every key, where a driver has revisions of its own.
 */
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
  /**
   * Which history the revisions are of: 16 hexadecimal digits. Changes when the store is restored
   * or imported; known from the first call on that has resolved.
   */
  readonly incarnation: string;
  /**
   * Why the store is known to hold an older state than it has had: what to tell an operator.
   * Undefined otherwise, and once a new incarnation has begun; until then `transact` rejects with
   * REGISTRY_UNAVAILABLE. Known as `incarnation` is.
   */
  readonly restored: string | undefined;
  get(key: string): Promise<StoreEntry | undefined>;
  /**
   * As `get`, but what another server has written may be missing for as long as the news of it are
   * under way. For what a transaction compares, and where a moment does not matter. What a refused
   * transaction has compared is looked for anew.
   */
  glance(key: string): Promise<StoreEntry | undefined>;
  /**
   * All entries whose key starts with one of `prefixes`, ordered by key and none twice, as of one
   * revision; with an empty list the revision of the last change alone. The empty prefix is that of
   * every key.
   */
  list(prefixes: readonly string[]): Promise<StoreListing>;
  /**
   * Compares and writes in one step. All writes of a transaction have the same new revision, larger
   * than any that was known when it was asked for. Transactions that came together may share it:
   * the changes of one stand behind those of another then. To delete what does not exist changes
   * nothing, and a transaction that changes nothing has the current revision. No key is written
   * twice in one transaction. A put without a lease takes the key out of the lease that it had;
   * with a lease that has ended it rejects with NOT_FOUND.
   */
  transact(transaction: StoreTransaction): Promise<StoreResult>;
  /**
   * Begins a new incarnation with `writes` as its first revision, in one step: all watches, on
   * every server, end with CompactedError. False when another one was begun meanwhile, and this was
   * not.
   */
  beginIncarnation(writes: readonly StoreWrite[]): Promise<boolean>;
  /**
   * Every change under `prefix` after `afterRevision`, in order and none twice, by whole revisions,
   * until `signal` aborts, which ends the iteration without an error. Rejects with CompactedError
   * when the changes after that revision are not known (any more), also in the middle, for a
   * consumer that is too slow. Nothing is buffered for a consumer.
   */
  watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncIterable<StoreRevision>;
  /**
   * Makes a lease that ends `ttlMs` after its last renewal and takes the keys put under it along.
   * It ends when the store's own clock says so, not much later, with the ordinary changes to be
   * watched. A store that lives in this process renews all leases when it opens again.
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
  let bytes = 0;
  for (const write of writes) {
    assertKey(write.key);
    assert(!keys.has(write.key), 'Store: a key is written twice in one transaction');
    keys.add(write.key);
    if (write.type === 'put') {
      const valueBytes = Buffer.byteLength(write.value);
      assert(valueBytes <= VALUE_BYTES_MAX, 'Store: a value is too long');
      bytes += valueBytes;
      assert(!write.value.includes('\0'), 'Store: a value has no NUL');
    }
  }
  assert(bytes <= TRANSACTION_BYTES_MAX, 'Store: the values of a transaction are too long');
}
