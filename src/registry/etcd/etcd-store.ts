// The store in etcd, for several servers at a time: what each call of the port asks of etcd.

import { status } from '@grpc/grpc-js';
import type { Logger } from '../../base/logger.ts';
import { type Random, randomInteger } from '../../base/random.ts';
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
import { encodeMeta } from './connection.ts';
import { EtcdClient, type EtcdOptions, isStatus } from './etcd-client.ts';
import { HistoryLimit } from './history-limit.ts';
import { JointReads } from './joint-reads.ts';
import { JointWrites } from './joint-writes.ts';
import { compareMod, Keyspace, LEASE_PATTERN, put, read } from './keyspace.ts';
import { LeaseRenewals } from './lease-renewals.ts';
import { list } from './listing.ts';
import { keyValueOf, Pens } from './pens.ts';
import { drawId, RegistryLink } from './registry-link.ts';

const ROOT_DEFAULT = 'p6n';
/**
 * A watch ends after so long, so that whoever reads it lists again: an event of etcd may be lost.
 */
const RESYNC_MIN_MS: number = 10 * 60_000;
const RESYNC_MAX_MS: number = 15 * 60_000;
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
  readonly #client: EtcdClient;
  readonly #keyspace: Keyspace;
  readonly #pens: Pens;
  readonly #link: RegistryLink;
  readonly #reads: JointReads;
  readonly #writes: JointWrites;
  readonly #history: HistoryLimit;
  readonly #renewals: LeaseRenewals;
  readonly #mark: RevisionMark | undefined;

  constructor(dependencies: EtcdStoreDependencies, options: EtcdStoreOptions) {
    const { random, logger, mark } = dependencies;
    const client = new EtcdClient({ random, logger }, options);
    const keyspace = new Keyspace(options.root ?? ROOT_DEFAULT);
    this.#random = random;
    this.#client = client;
    this.#keyspace = keyspace;
    this.#mark = mark;
    this.#pens = new Pens(client, keyspace, logger, options.writer ?? drawId(random));
    this.#link = new RegistryLink({ client, keyspace, random, logger, mark });
    this.#reads = new JointReads(this.#link, keyspace);
    this.#writes = new JointWrites({ link: this.#link, pens: this.#pens, keyspace });
    this.#history = new HistoryLimit(client, logger, options.revisionsKept ?? REVISIONS_KEPT);
    this.#renewals = new LeaseRenewals(client);
  }

  get incarnation(): string {
    return this.#link.connection?.incarnation ?? '';
  }

  get restored(): string | undefined {
    return this.#link.connection?.restored;
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    assertKey(key);
    const { entry, revision } = await this.#reads.read(key);
    this.#link.recent.note(key, entry, revision);
    return entry;
  }

  async glance(key: string): Promise<StoreEntry | undefined> {
    const found = this.#link.isClosed ? undefined : this.#link.recent.find(key);
    return found === undefined ? await this.get(key) : found.entry;
  }

  async list(prefixes: readonly string[]): Promise<StoreListing> {
    assertPrefixes(prefixes);
    return await list((name, request) => this.#link.ask(name, request), this.#keyspace, prefixes);
  }

  async transact(transaction: StoreTransaction): Promise<StoreResult> {
    assertTransaction(transaction);
    const { compares, writes } = transaction;
    if (!(await this.#isEffective(writes))) return await this.#compareOnly(transaction);
    const result = await this.#writes.write(transaction);
    if (result.committed) {
      this.#link.recent.written(keysOf(writes), result.revision);
      this.#link.note(result.revision);
      this.#history.reached(result.revision);
    } else {
      this.#link.recent.forget(keysOf(compares));
    }
    return result;
  }

  async beginIncarnation(writes: readonly StoreWrite[]): Promise<boolean> {
    assertTransaction({ compares: [], writes });
    const { incarnation, cluster, past, modRevision } = await this.#link.connected();
    const meta = encodeMeta({
      incarnation: drawId(this.#random),
      cluster,
      past: pastWith(past, incarnation),
    });
    const { registry, head } = this.#keyspace;
    const written = await this.#link.call(() =>
      this.#pens.write({
        compare: [compareMod(registry, modRevision)],
        success: [
          put(registry, meta),
          put(head, ''),
          ...writes.map((write) => this.#keyspace.operation(write)),
        ],
        failure: [read(registry)],
      }),
    );
    const { kvs } = await this.#link.ask('KV/Range', { key: registry });
    if (kvs[0] !== undefined) this.#link.adopt(kvs[0]);
    // A mark of before would take it for restored after a crash.
    this.#link.note(this.#link.connection?.revision ?? 0);
    await this.#mark?.flush();
    return written.committed;
  }

  watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncIterable<StoreRevision> {
    assertPrefix(prefix);
    return this.#watch(prefix, afterRevision, signal);
  }

  async grantLease(ttlMs: number): Promise<string> {
    const { ID } = await this.#link.ask('Lease/LeaseGrant', { TTL: Math.ceil(ttlMs / 1_000) });
    return ID;
  }

  async renewLease(lease: string): Promise<boolean> {
    await this.#link.connected();
    if (!LEASE_PATTERN.test(lease)) return false;
    return (await this.#link.call(() => this.#renewals.renew(lease))) > 0;
  }

  async revokeLease(lease: string): Promise<void> {
    await this.#link.connected();
    if (!LEASE_PATTERN.test(lease)) return;
    try {
      await this.#client.ask('Lease/LeaseRevoke', { ID: lease });
    } catch (error) {
      if (!isStatus(error, status.NOT_FOUND)) throw this.#link.unavailable(error);
    }
  }

  async close(): Promise<void> {
    this.#renewals.close();
    await this.#link.close();
  }

  /** Whether `writes` can change anything: deletes of what is not there do not. */
  async #isEffective(writes: readonly StoreWrite[]): Promise<boolean> {
    if (writes.some(({ type }) => type === 'put')) return true;
    const found = await Promise.all(writes.map(({ key }) => this.get(key)));
    return found.some((entry) => entry !== undefined);
  }

  /** A transaction that writes nothing may be asked again. */
  async #compareOnly({ compares, writes }: StoreTransaction): Promise<StoreResult> {
    const { head } = this.#keyspace;
    const compare = compares.map((one) => this.#keyspace.compare(one));
    const success = [read(head), ...writes.map((write) => this.#keyspace.operation(write))];
    const answer = await this.#link.ask('KV/Txn', { compare, success, failure: [read(head)] });
    if (!answer.succeeded) {
      this.#link.recent.forget(keysOf(compares));
      return { committed: false };
    }
    const revision = Number(keyValueOf(answer.responses[0])?.modRevision ?? 0);
    return { committed: true, revision };
  }

  async *#watch(
    prefix: string,
    afterRevision: number,
    signal: AbortSignal,
  ): AsyncGenerator<StoreRevision, void, undefined> {
    if (signal.aborted) return;
    await this.#link.connected();
    const resync = AbortSignal.timeout(randomInteger(this.#random, RESYNC_MIN_MS, RESYNC_MAX_MS));
    yield* this.#link.feed.watch(prefix, afterRevision, AbortSignal.any([signal, resync]));
    if (resync.aborted && !signal.aborted) throw new CompactedError('Watch: it is time to list');
  }
}

function keysOf(entries: readonly { readonly key: string }[]): string[] {
  return entries.map(({ key }) => key);
}
