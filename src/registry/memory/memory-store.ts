// The store in memory: for tests and simulations, and the plainest reading of what the port says.

import { toHex } from '../../base/bytes.ts';
import type { Clock } from '../../base/clock.ts';
import { P6nError } from '../../base/errors.ts';
import { type Random, randomBytes } from '../../base/random.ts';
import { ChangeFeed, closedError } from '../change-feed.ts';
import { LeaseDeadlines } from '../lease-deadlines.ts';
import {
  assertKey,
  assertPrefix,
  assertPrefixes,
  assertTransaction,
  CompactedError,
  REVISIONS_KEPT,
  type Store,
  type StoreChange,
  type StoreEntry,
  type StoreListing,
  type StoreResult,
  type StoreRevision,
  type StoreTransaction,
  type StoreWrite,
} from '../store.ts';

const ID_BYTES = 8;

export interface MemoryStoreOptions {
  /** How many of the last revisions can be watched from. */
  readonly revisionsKept?: number;
}

export class MemoryStore implements Store {
  readonly restored: undefined;
  readonly #random: Random;
  readonly #revisionsKept: number;
  readonly #entries = new Map<string, StoreEntry>();
  readonly #leaseOfKey = new Map<string, string>();
  readonly #keysOfLease = new Map<string, Set<string>>();
  readonly #deadlines: LeaseDeadlines;
  readonly #log: StoreRevision[] = [];
  readonly #feed: ChangeFeed;
  #incarnation: string;
  #revision = 0;
  #compacted = 0;
  #closed = false;

  constructor(
    dependencies: { readonly clock: Clock; readonly random: Random },
    options: MemoryStoreOptions = {},
  ) {
    this.#random = dependencies.random;
    this.#revisionsKept = options.revisionsKept ?? REVISIONS_KEPT;
    this.#incarnation = this.#drawId();
    this.#deadlines = new LeaseDeadlines(dependencies.clock, () => this.#endLapsed());
    this.#feed = new ChangeFeed(0, (after, max) => this.#call(() => this.#readLog(after, max)));
  }

  get incarnation(): string {
    return this.#incarnation;
  }

  get(key: string): Promise<StoreEntry | undefined> {
    return this.#call(() => {
      assertKey(key);
      return this.#entries.get(key);
    });
  }

  glance(key: string): Promise<StoreEntry | undefined> {
    return this.get(key);
  }

  list(prefixes: readonly string[]): Promise<StoreListing> {
    return this.#call(() => {
      assertPrefixes(prefixes);
      const entries = [...this.#entries.values()]
        .filter(({ key }) => prefixes.some((prefix) => key.startsWith(prefix)))
        .sort((a, b) => (a.key < b.key ? -1 : 1));
      return { revision: this.#revision, entries };
    });
  }

  transact(transaction: StoreTransaction): Promise<StoreResult> {
    return this.#call(() => {
      assertTransaction(transaction);
      const holds = transaction.compares.every(
        ({ key, modRevision }) => (this.#entries.get(key)?.modRevision ?? 0) === modRevision,
      );
      if (!holds) return { committed: false };
      for (const write of transaction.writes) this.#requireLease(write);
      this.#commit(transaction.writes);
      return { committed: true, revision: this.#revision };
    });
  }

  beginIncarnation(writes: readonly StoreWrite[]): Promise<boolean> {
    return this.#call(() => {
      assertTransaction({ compares: [], writes });
      this.#commit(writes);
      this.#incarnation = this.#drawId();
      this.#feed.restart(this.#revision);
      return true;
    });
  }

  watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncIterable<StoreRevision> {
    assertPrefix(prefix);
    return this.#feed.watch(prefix, afterRevision, signal);
  }

  grantLease(ttlMs: number): Promise<string> {
    return this.#call(() => {
      this.#deadlines.requireRoom();
      const lease = this.#drawId();
      this.#keysOfLease.set(lease, new Set());
      this.#deadlines.grant(lease, ttlMs);
      return lease;
    });
  }

  renewLease(lease: string): Promise<boolean> {
    return this.#call(() => this.#deadlines.renew(lease));
  }

  revokeLease(lease: string): Promise<void> {
    return this.#call(() => {
      this.#deadlines.end(lease);
      this.#endLease(lease);
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#deadlines.close();
    this.#feed.close();
    return Promise.resolve();
  }

  /** Runs one call in a turn of its own, as a store behind a message or a network does. */
  async #call<T>(run: () => T): Promise<T> {
    await Promise.resolve();
    if (this.#closed) throw closedError();
    this.#endLapsed();
    return run();
  }

  #requireLease(write: StoreWrite): void {
    if (write.type === 'delete' || write.lease === undefined) return;
    if (this.#keysOfLease.has(write.lease)) return;
    throw new P6nError('NOT_FOUND', `Cannot write "${write.key}": its lease has ended`);
  }

  #commit(writes: readonly StoreWrite[]): void {
    const effective = writes.filter(({ type, key }) => type === 'put' || this.#entries.has(key));
    if (effective.length === 0) return;
    this.#revision += 1;
    const changes = effective.map((write) => this.#apply(write));
    const revision: StoreRevision = { revision: this.#revision, changes };
    this.#log.push(revision);
    while (this.#log.length > this.#revisionsKept) {
      this.#compacted = this.#log.shift()?.revision ?? this.#compacted;
    }
    this.#feed.publish(revision);
  }

  #apply(write: StoreWrite): StoreChange {
    const { key } = write;
    const old = this.#entries.get(key);
    this.#keysOfLease.get(this.#leaseOfKey.get(key) ?? '')?.delete(key);
    this.#leaseOfKey.delete(key);
    if (write.type === 'delete') {
      this.#entries.delete(key);
      return { type: 'delete', key };
    }
    const entry: StoreEntry = {
      key,
      value: write.value,
      createRevision: old?.createRevision ?? this.#revision,
      modRevision: this.#revision,
    };
    this.#entries.set(key, entry);
    if (write.lease !== undefined) {
      this.#leaseOfKey.set(key, write.lease);
      this.#keysOfLease.get(write.lease)?.add(key);
    }
    return { type: 'put', entry };
  }

  #endLapsed(): void {
    for (const lease of this.#deadlines.takeLapsed()) this.#endLease(lease);
  }

  #endLease(lease: string): void {
    const keys = [...(this.#keysOfLease.get(lease) ?? [])].sort();
    this.#keysOfLease.delete(lease);
    this.#commit(keys.map((key) => ({ type: 'delete', key })));
  }

  #readLog(afterRevision: number, revisionsMax: number): readonly StoreRevision[] {
    if (afterRevision < this.#compacted) throw new CompactedError('Watch: the past is forgotten');
    const start = this.#log.findIndex(({ revision }) => revision > afterRevision);
    return start < 0 ? [] : this.#log.slice(start, start + revisionsMax);
  }

  #drawId(): string {
    return toHex(randomBytes(this.#random, ID_BYTES));
  }
}
