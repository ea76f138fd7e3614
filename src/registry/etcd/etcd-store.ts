// The store in etcd, for several servers at a time. It connects by itself and again whenever it has
// to; until then its calls wait, and fail as a registry that is away.

import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { Backoff } from '../../base/backoff.ts';
import { toHex } from '../../base/bytes.ts';
import { P6nError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { type Random, randomBytes, randomInteger } from '../../base/random.ts';
import { ChangeFeed, closedError, refuseRestored } from '../change-feed.ts';
import { pastWith, type RevisionMark } from '../revision-mark.ts';
import {
  assertKey,
  assertPrefix,
  assertPrefixes,
  assertTransaction,
  CompactedError,
  REVISIONS_KEPT,
  type Store,
  type StoreEntry,
  type StoreListing,
  type StoreResult,
  type StoreRevision,
  type StoreTransaction,
  type StoreWrite,
} from '../store.ts';
import { type Connection, connect, encodeMeta, parseMeta } from './connection.ts';
import { CALL_TIMEOUT_MS, EtcdClient, type EtcdOptions, isStatus } from './etcd-client.ts';
import { type FeedRevision, readPast, runFeed } from './etcd-feed.ts';
import { HistoryLimit } from './history-limit.ts';
import { compareMod, Keyspace, put, read } from './keyspace.ts';
import { LeaseRenewals } from './lease-renewals.ts';
import { list } from './listing.ts';
import { keyValueOf, Pens } from './pens.ts';
import type { KeyValue, RequestOp, UnaryMethods, UnaryName } from './protocol.ts';
import { RecentEntries } from './recent-entries.ts';

const ROOT_DEFAULT = 'p6n';
const ID_BYTES = 8;
const CONNECT_MIN_MS = 100;
const CONNECT_MAX_MS = 2_000;
/**
 * A watch ends after so long, so that whoever reads it lists again: an event of etcd may be lost.
 */
const RESYNC_MIN_MS: number = 10 * 60_000;
const RESYNC_MAX_MS: number = 15 * 60_000;
/** A lease that no cluster ever grants. */
const NO_LEASE = '9223372036854775807';
const LEASE_PATTERN = /^[1-9][0-9]{0,18}$/;

export interface EtcdStoreDependencies {
  readonly random: Random;
  readonly logger: Logger;
  readonly mark?: RevisionMark | undefined;
}

export interface EtcdStoreOptions extends EtcdOptions {
  /** The registry's place in etcd. */
  readonly root?: string | undefined;
  /** Who writes: the same for a server over restarts, and another's never. Random where absent. */
  readonly writer?: string | undefined;
  readonly revisionsKept?: number | undefined;
}

export class EtcdStore implements Store {
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #mark: RevisionMark | undefined;
  readonly #client: EtcdClient;
  readonly #keyspace: Keyspace;
  readonly #pens: Pens;
  readonly #feed: ChangeFeed;
  readonly #history: HistoryLimit;
  readonly #renewals: LeaseRenewals;
  readonly #recent = new RecentEntries();
  readonly #closing = new AbortController();
  #connecting: Promise<void>;
  #connection: Connection | undefined;
  #feeding = new AbortController();
  #problem: unknown;

  constructor(dependencies: EtcdStoreDependencies, options: EtcdStoreOptions) {
    const { random, logger } = dependencies;
    this.#random = random;
    this.#logger = logger;
    this.#mark = dependencies.mark;
    this.#client = new EtcdClient({ random, logger }, options);
    this.#history = new HistoryLimit(this.#client, logger, options.revisionsKept ?? REVISIONS_KEPT);
    this.#renewals = new LeaseRenewals(this.#client);
    this.#keyspace = new Keyspace(options.root ?? ROOT_DEFAULT);
    const writer = options.writer ?? this.#drawId();
    this.#pens = new Pens(this.#client, this.#keyspace, logger, writer);
    const source = { client: this.#client, keyspace: this.#keyspace };
    this.#feed = new ChangeFeed(
      0,
      (after) => this.#call(() => readPast(source, after)),
      async (revision) => revision <= (await this.#latest()),
    );
    this.#connecting = this.#connect();
  }

  get incarnation(): string {
    return this.#connection?.incarnation ?? '';
  }

  get restored(): string | undefined {
    return this.#connection?.restored;
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    assertKey(key);
    const { header, kvs } = await this.#ask('KV/Range', { key: this.#keyspace.key(key) });
    const entry = kvs[0] === undefined ? undefined : this.#keyspace.entry(kvs[0]);
    this.#recent.note(key, entry, Number(header.revision));
    return entry;
  }

  async glance(key: string): Promise<StoreEntry | undefined> {
    const found = this.#closing.signal.aborted ? undefined : this.#recent.find(key);
    return found === undefined ? await this.get(key) : found.entry;
  }

  async list(prefixes: readonly string[]): Promise<StoreListing> {
    assertPrefixes(prefixes);
    return await list((name, request) => this.#ask(name, request), this.#keyspace, prefixes);
  }

  async transact(transaction: StoreTransaction): Promise<StoreResult> {
    assertTransaction(transaction);
    const { compares, writes } = transaction;
    const compare = compares.map((one) => compareMod(this.#keyspace.key(one.key), one.modRevision));
    const effective = await this.#effective(writes);
    const result = effective
      ? await this.#write(compare, writes)
      : await this.#compareOnly(compare, writes);
    if (!result.committed) this.#recent.forget(compares.map(({ key }) => key));
    return result;
  }

  async #write(
    compare: readonly ReturnType<typeof compareMod>[],
    writes: readonly StoreWrite[],
  ): Promise<StoreResult> {
    for (;;) {
      const connection = await this.#connected();
      refuseRestored(connection.restored);
      const known = this.#feed.latest;
      const written = await this.#call(() =>
        this.#pens.write({
          compare: [compareMod(this.#keyspace.registry, connection.modRevision), ...compare],
          success: [put(this.#keyspace.head, ''), ...writes.map((write) => this.#operation(write))],
          failure: [read(this.#keyspace.registry)],
        }),
      );
      if (written.committed) {
        this.#check(connection.cluster, written.revision, { ...connection, known: known + 1 });
        this.#recent.written(
          writes.map(({ key }) => key),
          written.revision,
        );
        return this.#committed(written.revision);
      }
      const registry = keyValueOf(written.responses[0]);
      if (registry !== undefined) this.#adopt(registry);
      if (this.#connection === connection) return { committed: false };
    }
  }

  async beginIncarnation(writes: readonly StoreWrite[]): Promise<boolean> {
    assertTransaction({ compares: [], writes });
    const { incarnation, cluster, past, modRevision } = await this.#connected();
    const meta = encodeMeta({
      incarnation: this.#drawId(),
      cluster,
      past: pastWith(past, incarnation),
    });
    const { registry, head } = this.#keyspace;
    const written = await this.#call(() =>
      this.#pens.write({
        compare: [compareMod(registry, modRevision)],
        success: [
          put(registry, meta),
          put(head, ''),
          ...writes.map((write) => this.#operation(write)),
        ],
        failure: [read(registry)],
      }),
    );
    const { kvs } = await this.#ask('KV/Range', { key: registry });
    if (kvs[0] !== undefined) this.#adopt(kvs[0]);
    // A mark of before would take it for restored after a crash.
    this.#note(this.#connection?.revision ?? 0);
    await this.#mark?.flush();
    return written.committed;
  }

  watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncIterable<StoreRevision> {
    assertPrefix(prefix);
    return this.#watch(prefix, afterRevision, signal);
  }

  async grantLease(ttlMs: number): Promise<string> {
    const { ID } = await this.#ask('Lease/LeaseGrant', { TTL: Math.ceil(ttlMs / 1_000) });
    return ID;
  }

  async renewLease(lease: string): Promise<boolean> {
    await this.#connected();
    if (!LEASE_PATTERN.test(lease)) return false;
    return (await this.#call(() => this.#renewals.renew(lease))) > 0;
  }

  async revokeLease(lease: string): Promise<void> {
    await this.#connected();
    if (!LEASE_PATTERN.test(lease)) return;
    try {
      await this.#client.ask('Lease/LeaseRevoke', { ID: lease });
    } catch (error) {
      if (!isStatus(error, status.NOT_FOUND)) throw this.#unavailable(error);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#feeding.abort();
    this.#feed.close();
    this.#renewals.close();
    this.#client.close();
    await this.#connecting;
    await this.#mark?.flush();
  }

  /** Connects, again and again; resolves when it has, or when the store was closed. */
  async #connect(): Promise<void> {
    const { signal } = this.#closing;
    const backoff = new Backoff(this.#random, { minMs: CONNECT_MIN_MS, maxMs: CONNECT_MAX_MS });
    while (!signal.aborted) {
      try {
        const found = await connect(this.#client, this.#keyspace, {
          fresh: this.#drawId(),
          mark: this.#mark,
        });
        if (signal.aborted) return;
        this.#connection = found;
        this.#startFeed(found);
        this.#logger.info('registry in etcd is reached', { incarnation: found.incarnation });
        return;
      } catch (error) {
        if (this.#problem === undefined) {
          this.#logger.warn('registry in etcd is not reached', { error: String(error) });
        }
        this.#problem = error;
        await delay(backoff.next(), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #startFeed({ revision }: Connection): void {
    this.#problem = undefined;
    this.#feed.restart(revision);
    this.#recent.restart(revision);
    this.#feeding = new AbortController();
    const { signal } = this.#feeding;
    const dependencies = {
      ...{ client: this.#client, keyspace: this.#keyspace },
      ...{ random: this.#random, logger: this.#logger },
    };
    const listener = {
      revision: (next: FeedRevision): void => {
        if (signal.aborted) return;
        this.#recent.noteRevision(next);
        this.#feed.publish({ revision: next.revision, changes: next.changes });
        this.#note(next.revision);
        if (next.registry !== undefined) this.#adopt(next.registry);
      },
      compacted: (number: number): void => {
        this.#logger.warn('changes of the registry were compacted unread', { revision: number });
        if (!signal.aborted) this.#feed.restart(number);
      },
      watching: (isWatching: boolean): void => {
        if (!signal.aborted) this.#recent.setWatching(isWatching);
      },
    };
    void runFeed(dependencies, revision, listener, signal);
  }

  /** Begins anew: etcd is not, or not any more, what this store was connected to. */
  #reconnect(why: string): void {
    if (this.#connection === undefined || this.#closing.signal.aborted) return;
    this.#logger.error('registry in etcd was replaced', { error: why });
    this.#connection = undefined;
    this.#recent.setWatching(false);
    this.#feeding.abort();
    this.#connecting = this.#connect();
  }

  async #connected(): Promise<Connection> {
    if (this.#closing.signal.aborted) throw closedError();
    if (this.#connection === undefined) {
      await Promise.race([this.#connecting, delay(CALL_TIMEOUT_MS, undefined, { ref: false })]);
    }
    if (this.#connection !== undefined) return this.#connection;
    throw this.#closing.signal.aborted ? closedError() : this.#unavailable(this.#problem);
  }

  async #latest(): Promise<number> {
    const { header } = await this.#ask('KV/Range', { key: this.#keyspace.head });
    return Number(header.revision);
  }

  /** Asks what may be asked again. */
  async #ask<N extends UnaryName>(
    name: N,
    request: UnaryMethods[N]['request'],
  ): Promise<UnaryMethods[N]['response']> {
    const { cluster } = await this.#connected();
    const known = this.#feed.latest;
    const answer = await this.#call(() => this.#client.ask(name, request));
    const { clusterId, revision } = answer.header;
    this.#check(clusterId, Number(revision), { cluster, known });
    return answer;
  }

  async #call<T>(run: () => Promise<T>): Promise<T> {
    await this.#connected();
    try {
      return await run();
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  /** An answer of another cluster, or one of before what was known when it was asked for. */
  #check(
    clusterId: string,
    revision: number,
    { cluster, known }: { readonly cluster: string; readonly known: number },
  ): void {
    if (clusterId === cluster && revision >= known) return;
    this.#reconnect(`cluster ${clusterId} at ${revision}, and it was ${cluster} at ${known}`);
    throw this.#unavailable('it was replaced');
  }

  /** Takes over what stands at the registry's key. */
  #adopt(registry: KeyValue): void {
    const current = this.#connection;
    const modRevision = Number(registry.modRevision);
    if (current === undefined || modRevision <= current.modRevision) return;
    this.#connection = { ...parseMeta(registry), modRevision, revision: modRevision };
    const { incarnation } = this.#connection;
    this.#logger.info('registry has a new incarnation', { incarnation });
    this.#feeding.abort();
    this.#startFeed(this.#connection);
  }

  /** Whether `writes` can change anything: deletes of what is not there do not. */
  async #effective(writes: readonly StoreWrite[]): Promise<boolean> {
    if (writes.some(({ type }) => type === 'put')) return true;
    const found = await Promise.all(writes.map(({ key }) => this.get(key)));
    return found.some((entry) => entry !== undefined);
  }

  /** A transaction that writes nothing may be asked again. */
  async #compareOnly(
    compare: readonly ReturnType<typeof compareMod>[],
    writes: readonly StoreWrite[],
  ): Promise<StoreResult> {
    const { head } = this.#keyspace;
    const deletes = writes.map((write) => this.#operation(write));
    const success = [read(head), ...deletes];
    const answer = await this.#ask('KV/Txn', { compare, success, failure: [read(head)] });
    if (!answer.succeeded) return { committed: false };
    const revision = Number(keyValueOf(answer.responses[0])?.modRevision ?? 0);
    return { committed: true, revision };
  }

  #operation(write: StoreWrite): RequestOp {
    const key = this.#keyspace.key(write.key);
    if (write.type === 'delete') return { requestDeleteRange: { key } };
    if (write.lease === undefined) return put(key, write.value);
    return put(key, write.value, LEASE_PATTERN.test(write.lease) ? write.lease : NO_LEASE);
  }

  #committed(revision: number): StoreResult {
    this.#note(revision);
    this.#history.reached(revision);
    return { committed: true, revision };
  }

  #note(number: number): void {
    const { incarnation, restored } = this.#connection ?? {};
    if (incarnation === undefined || restored !== undefined) return;
    this.#mark?.note({ incarnation, number });
  }

  async *#watch(
    prefix: string,
    afterRevision: number,
    signal: AbortSignal,
  ): AsyncGenerator<StoreRevision, void, undefined> {
    if (signal.aborted) return;
    await this.#connected();
    const resync = AbortSignal.timeout(randomInteger(this.#random, RESYNC_MIN_MS, RESYNC_MAX_MS));
    yield* this.#feed.watch(prefix, afterRevision, AbortSignal.any([signal, resync]));
    if (resync.aborted && !signal.aborted) throw new CompactedError('Watch: it is time to list');
  }

  #unavailable(cause: unknown): Error {
    if (cause instanceof P6nError || cause instanceof CompactedError) return cause;
    if (isStatus(cause, status.NOT_FOUND)) {
      return new P6nError('NOT_FOUND', 'Cannot write to the registry: the lease has ended', {
        cause,
      });
    }
    if (this.#closing.signal.aborted) return closedError();
    const facts = cause instanceof Error ? cause.message : String(cause ?? 'it does not answer');
    return new P6nError('REGISTRY_UNAVAILABLE', `Cannot use the registry in etcd: ${facts}`, {
      hint: 'Are most members of etcd up, and reached from this server? Try again then.',
      cause,
    });
  }

  #drawId(): string {
    return toHex(randomBytes(this.#random, ID_BYTES));
  }
}
