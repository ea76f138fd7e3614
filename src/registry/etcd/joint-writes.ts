// Changes that come together are one transaction of etcd, because a call costs more than what it
// says. Each is a transaction within it, with comparisons of its own, and fails by itself:
//
//   txn { registry unchanged -> head, txn { COMPARES 1 -> WRITES 1 }, txn { COMPARES 2 -> ... } }
//
// etcd makes all comparisons before it writes anything. So only changes go together of which none
// writes what another one compares or writes: each then finds what it would have found alone.

import { refuseRestored } from '../change-feed.ts';
import type { StoreResult, StoreTransaction, StoreWrite } from '../store.ts';
import type { Connection } from './connection.ts';
import { EtcdError } from './etcd-client.ts';
import { compareMod, type Keyspace, put, read } from './keyspace.ts';
import { keyValueOf, type Pens, UnknownOutcomeError } from './pens.ts';
import type { RequestOp, ResponseOp, TxnRequest } from './protocol.ts';
import type { RegistryLink } from './registry-link.ts';

/** Of one transaction of etcd, which takes 128 operations: those of its levels are added up. */
const CHANGES_MAX = 32;
const OPERATIONS_OF_CHANGE_MAX = 64;
/** Of all their keys and values; etcd takes 1.5 MiB at once. */
const CHARACTERS_MAX = 256 * 1024;
/**
 * How long after a transaction the next one begins: the more went together, the longer, so that a
 * change by itself waits for nobody, and in a storm of changes each call has many. Changes of one
 * thing cannot go together, and would only be refused later.
 */
const PAUSE_PER_CHANGE_MS = 6;
const PAUSE_MAX_MS = 30;

interface Change {
  readonly transaction: StoreTransaction;
  readonly resolve: (result: StoreResult) => void;
  readonly reject: (error: unknown) => void;
}

export interface JointWritesDependencies {
  readonly link: RegistryLink;
  readonly pens: Pens;
  readonly keyspace: Keyspace;
}

export class JointWrites {
  readonly #link: RegistryLink;
  readonly #pens: Pens;
  readonly #keyspace: Keyspace;
  #waiting: Change[] = [];
  #nextFromMs = Number.NEGATIVE_INFINITY;

  constructor({ link, pens, keyspace }: JointWritesDependencies) {
    this.#link = link;
    this.#pens = pens;
    this.#keyspace = keyspace;
  }

  /** As `Store.transact`, for what writes something. */
  write(transaction: StoreTransaction): Promise<StoreResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ transaction, resolve, reject });
      if (this.#waiting.length > 1) return;
      const waitMs = this.#nextFromMs - performance.now();
      if (waitMs > 0) setTimeout(() => this.#begin(), waitMs);
      else setImmediate(() => this.#begin());
    });
  }

  #begin(): void {
    const changes = this.#waiting;
    this.#waiting = [];
    const groups = groupsOf(changes);
    const together = Math.max(...groups.map(({ length }) => length));
    const pauseMs = Math.min(PAUSE_MAX_MS, together * PAUSE_PER_CHANGE_MS);
    this.#nextFromMs = performance.now() + pauseMs;
    for (const group of groups) void this.#settle(group);
  }

  async #settle(group: readonly Change[]): Promise<void> {
    try {
      const results = await this.#writeAll(group.map(({ transaction }) => transaction));
      for (const [n, { resolve }] of group.entries()) resolve(results[n] ?? { committed: false });
    } catch (error) {
      if (group.length > 1 && isRefusal(error)) {
        // One of them cannot be done: which one, each tells by itself.
        for (const change of group) void this.#settle([change]);
      } else {
        for (const { reject } of group) reject(error);
      }
    }
  }

  async #writeAll(transactions: readonly StoreTransaction[]): Promise<readonly StoreResult[]> {
    for (;;) {
      const connection = await this.#link.connected();
      refuseRestored(connection.restored);
      const known = this.#link.feed.latest;
      const request = this.#request(connection, transactions);
      const written = await this.#link.call(() => this.#pens.write(request));
      if (written.committed) {
        const { revision, responses } = written;
        this.#link.check(connection.cluster, revision, { ...connection, known: known + 1 });
        const done = await this.#whichWereDone(transactions, revision, responses);
        return done.map((committed) => (committed ? { committed, revision } : { committed }));
      }
      const registry = keyValueOf(written.responses[0]);
      if (registry !== undefined) this.#link.adopt(registry);
      if (this.#link.connection === connection) {
        return transactions.map(() => ({ committed: false }));
      }
    }
  }

  #request(connection: Connection, transactions: readonly StoreTransaction[]): TxnRequest {
    const { registry, head } = this.#keyspace;
    const parts = transactions.map(({ compares, writes }) => ({
      compare: compares.map((compare) => this.#keyspace.compare(compare)),
      success: writes.map((write) => this.#keyspace.operation(write)),
      failure: [],
    }));
    const [only] = parts;
    const isOnly = parts.length === 1 && only !== undefined;
    return {
      compare: [compareMod(registry, connection.modRevision), ...(isOnly ? only.compare : [])],
      success: [
        put(head, ''),
        ...(isOnly ? only.success : parts.map((requestTxn) => ({ requestTxn }))),
      ],
      failure: [read(registry)],
    };
  }

  /** For each of what was one transaction of etcd, at `revision`, with `responses` if they came. */
  async #whichWereDone(
    transactions: readonly StoreTransaction[],
    revision: number,
    responses: readonly ResponseOp[] | undefined,
  ): Promise<readonly boolean[]> {
    if (transactions.length === 1) return [true];
    if (responses !== undefined) {
      const [, ...parts] = responses;
      return transactions.map((_, n) => parts[n]?.responseTxn?.succeeded === true);
    }
    // Nobody else has written these keys at that revision.
    const success = transactions.map(
      ({ writes }): RequestOp => ({
        requestRange: { key: this.#keyspace.key(putOf(writes)?.key ?? ''), revision },
      }),
    );
    const answer = await this.#link
      .ask('KV/Txn', { compare: [], success, failure: [] })
      .catch((error: unknown) => {
        // Some were done, whatever etcd refuses now, as to tell of what it has compacted.
        throw this.#link.unavailable(new UnknownOutcomeError(String(error), { cause: error }));
      });
    return answer.responses.map(
      (response) => Number(keyValueOf(response)?.modRevision) === revision,
    );
  }
}

/** Parts `changes` into such as can be one transaction of etcd. */
function groupsOf(changes: readonly Change[]): Change[][] {
  const groups: Change[][] = [];
  let last: Group | undefined;
  for (const change of changes) {
    if (last?.take(change) !== true) {
      last = new Group(change);
      groups.push(last.changes);
    }
  }
  return groups;
}

class Group {
  readonly changes: Change[] = [];
  readonly #written = new Set<string>();
  readonly #compared = new Set<string>();
  #characters = 0;

  constructor(first: Change) {
    this.#add(first);
  }

  /** False when the change has to be in another transaction of etcd. */
  take(change: Change): boolean {
    const { compares, writes } = change.transaction;
    const isApart =
      writes.every(({ key }) => !this.#written.has(key) && !this.#compared.has(key)) &&
      compares.every(({ key }) => !this.#written.has(key));
    const hasRoom =
      this.changes.length < CHANGES_MAX &&
      this.#characters + charactersOf(change.transaction) <= CHARACTERS_MAX;
    const [first] = this.changes;
    if (!isApart || !hasRoom || first === undefined) return false;
    if (!maybeJoint(first.transaction) || !maybeJoint(change.transaction)) return false;
    this.#add(change);
    return true;
  }

  #add(change: Change): void {
    const { compares, writes } = change.transaction;
    this.changes.push(change);
    for (const { key } of compares) this.#compared.add(key);
    for (const { key } of writes) this.#written.add(key);
    this.#characters += charactersOf(change.transaction);
  }
}

/** A put proves afterwards that it was done; a lease that has ended would fail all. */
function maybeJoint({ compares, writes }: StoreTransaction): boolean {
  return (
    Math.max(compares.length, writes.length) <= OPERATIONS_OF_CHANGE_MAX &&
    putOf(writes) !== undefined &&
    writes.every((write) => write.type === 'delete' || write.lease === undefined)
  );
}

function putOf(writes: readonly StoreWrite[]): StoreWrite | undefined {
  return writes.find(({ type }) => type === 'put');
}

function charactersOf({ compares, writes }: StoreTransaction): number {
  const keys = [...compares, ...writes].reduce((sum, { key }) => sum + key.length, 0);
  return writes.reduce((sum, one) => sum + (one.type === 'put' ? one.value.length : 0), keys);
}

/** Whether etcd has refused it, so that nothing was done. */
function isRefusal(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof EtcdError && cause.isRefusal;
}
