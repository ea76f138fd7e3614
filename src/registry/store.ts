// What the registry asks of a database: ordered keys with values and revisions, transactions that
// compare revisions, and a feed of changes. The drivers beside this file hold no rule of the
// registry; one conformance suite runs on all of them.

/** A key and its value as of the last change. */
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
  | { readonly type: 'put'; readonly entry: StoreEntry; readonly revision: number }
  | { readonly type: 'delete'; readonly key: string; readonly revision: number };

/** The store has forgotten the revision that a watch was to start from: list again. */
export class CompactedError extends Error {
  override readonly name = 'CompactedError';
}

/**
 * Every call may reject with a P6nError of code REGISTRY_UNAVAILABLE (try again later) or
 * REGISTRY_CORRUPT. What a resolved `transact` wrote is durable.
 */
export interface Store {
  /** Changes when the store is restored or imported; constant otherwise. */
  readonly incarnation: string;
  get(key: string): Promise<StoreEntry | undefined>;
  /** All entries whose key starts with `prefix`, ordered by key, as of one revision. */
  list(prefix: string): Promise<StoreListing>;
  /** Compares and writes in one step. Each write of one transaction has the same new revision. */
  transact(transaction: StoreTransaction): Promise<StoreResult>;
  /**
   * Every change under `prefix` after `afterRevision`, in order and none twice, until `signal`
   * aborts. Rejects with CompactedError when that revision is forgotten.
   */
  watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncIterable<StoreChange>;
  /**
   * Makes a lease that ends `ttlMs` after its last renewal and takes the keys put under it along.
   */
  grantLease(ttlMs: number): Promise<string>;
  /** False when the lease has ended. */
  renewLease(lease: string): Promise<boolean>;
  revokeLease(lease: string): Promise<void>;
  close(): Promise<void>;
}
