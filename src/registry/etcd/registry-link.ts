// The way to one registry in etcd: connects by itself and again whenever it has to, hears what
// changes, and takes no answer of another registry or of an older state for one of this. Until it
// is connected calls wait, and fail as a registry that is away.

import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { Backoff } from '../../base/backoff.ts';
import { toHex } from '../../base/bytes.ts';
import { P6nError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { type Random, randomBytes } from '../../base/random.ts';
import { ChangeFeed, closedError } from '../change-feed.ts';
import type { RevisionMark } from '../revision-mark.ts';
import { CompactedError } from '../store.ts';
import { type Connection, connect, parseMeta } from './connection.ts';
import { CALL_TIMEOUT_MS, type EtcdClient, isStatus } from './etcd-client.ts';
import { type FeedRevision, readPast, runFeed } from './etcd-feed.ts';
import type { Keyspace } from './keyspace.ts';
import type { KeyValue, UnaryMethods, UnaryName } from './protocol.ts';
import { RecentEntries } from './recent-entries.ts';

const ID_BYTES = 8;
const CONNECT_MIN_MS = 100;
const CONNECT_MAX_MS = 2_000;

export interface LinkDependencies {
  readonly client: EtcdClient;
  readonly keyspace: Keyspace;
  readonly random: Random;
  readonly logger: Logger;
  readonly mark: RevisionMark | undefined;
}

export class RegistryLink {
  /** What has changed since it was connected. */
  readonly feed: ChangeFeed;
  /** What stands at some keys, as answers and the feed say. */
  readonly recent: RecentEntries = new RecentEntries();
  readonly #dependencies: LinkDependencies;
  readonly #closing = new AbortController();
  #connecting: Promise<void>;
  #connection: Connection | undefined;
  #feeding = new AbortController();
  #problem: unknown;

  constructor(dependencies: LinkDependencies) {
    this.#dependencies = dependencies;
    this.feed = new ChangeFeed(
      0,
      (after) => this.call(() => readPast(dependencies, after)),
      async (revision) => revision <= (await this.#latest()),
    );
    this.#connecting = this.#connect();
  }

  /** What it was connected to last; undefined while it looks for it. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#feeding.abort();
    this.feed.close();
    this.#dependencies.client.close();
    await this.#connecting;
    await this.#dependencies.mark?.flush();
  }

  async connected(): Promise<Connection> {
    if (this.isClosed) throw closedError();
    if (this.#connection === undefined) {
      await Promise.race([this.#connecting, delay(CALL_TIMEOUT_MS, undefined, { ref: false })]);
    }
    if (this.#connection !== undefined) return this.#connection;
    throw this.isClosed ? closedError() : this.unavailable(this.#problem);
  }

  /** Asks what may be asked again. */
  async ask<N extends UnaryName>(
    name: N,
    request: UnaryMethods[N]['request'],
  ): Promise<UnaryMethods[N]['response']> {
    const { cluster } = await this.connected();
    const known = this.feed.latest;
    const answer = await this.call(() => this.#dependencies.client.ask(name, request));
    const { clusterId, revision } = answer.header;
    this.check(clusterId, Number(revision), { cluster, known });
    return answer;
  }

  async call<T>(run: () => Promise<T>): Promise<T> {
    await this.connected();
    try {
      return await run();
    } catch (error) {
      throw this.unavailable(error);
    }
  }

  /** An answer of another cluster, or one of before what was known when it was asked for. */
  check(
    clusterId: string,
    revision: number,
    { cluster, known }: { readonly cluster: string; readonly known: number },
  ): void {
    if (clusterId === cluster && revision >= known) return;
    this.#reconnect(`cluster ${clusterId} at ${revision}, and it was ${cluster} at ${known}`);
    throw this.unavailable('it was replaced');
  }

  /** Takes over what stands at the registry's key. */
  adopt(registry: KeyValue): void {
    const current = this.#connection;
    const modRevision = Number(registry.modRevision);
    if (current === undefined || modRevision <= current.modRevision) return;
    this.#connection = { ...parseMeta(registry), modRevision, revision: modRevision };
    const { incarnation } = this.#connection;
    this.#dependencies.logger.info('registry has a new incarnation', { incarnation });
    this.#feeding.abort();
    this.#startFeed(this.#connection);
  }

  /** This server has seen the registry at that revision. */
  note(number: number): void {
    const { incarnation, restored } = this.#connection ?? {};
    if (incarnation === undefined || restored !== undefined) return;
    this.#dependencies.mark?.note({ incarnation, number });
  }

  /** What a call rejects with for what etcd, or the way to it, has said. */
  unavailable(cause: unknown): Error {
    if (cause instanceof P6nError || cause instanceof CompactedError) return cause;
    if (isStatus(cause, status.NOT_FOUND)) {
      return new P6nError('NOT_FOUND', 'Cannot write to the registry: the lease has ended', {
        cause,
      });
    }
    if (this.isClosed) return closedError();
    const facts = cause instanceof Error ? cause.message : String(cause ?? 'it does not answer');
    return new P6nError('REGISTRY_UNAVAILABLE', `Cannot use the registry in etcd: ${facts}`, {
      hint: 'Are most members of etcd up, and reached from this server? Try again then.',
      cause,
    });
  }

  /** Connects, again and again; resolves when it has, or when the link was closed. */
  async #connect(): Promise<void> {
    const { client, keyspace, random, logger, mark } = this.#dependencies;
    const { signal } = this.#closing;
    const backoff = new Backoff(random, { minMs: CONNECT_MIN_MS, maxMs: CONNECT_MAX_MS });
    while (!signal.aborted) {
      try {
        const found = await connect(client, keyspace, { fresh: drawId(random), mark });
        if (signal.aborted) return;
        this.#connection = found;
        this.#startFeed(found);
        logger.info('registry in etcd is reached', { incarnation: found.incarnation });
        return;
      } catch (error) {
        if (this.#problem === undefined) {
          logger.warn('registry in etcd is not reached', { error: String(error) });
        }
        this.#problem = error;
        await delay(backoff.next(), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #startFeed({ revision }: Connection): void {
    this.#problem = undefined;
    this.feed.restart(revision);
    this.recent.restart(revision);
    this.#feeding = new AbortController();
    const { signal } = this.#feeding;
    const listener = {
      revision: (next: FeedRevision): void => {
        if (signal.aborted) return;
        this.recent.noteRevision(next);
        this.feed.publish({ revision: next.revision, changes: next.changes });
        this.note(next.revision);
        if (next.registry !== undefined) this.adopt(next.registry);
      },
      compacted: (number: number): void => {
        this.#dependencies.logger.warn('changes of the registry were compacted unread', {
          revision: number,
        });
        if (!signal.aborted) this.feed.restart(number);
      },
      watching: (isWatching: boolean): void => {
        if (!signal.aborted) this.recent.setWatching(isWatching);
      },
    };
    void runFeed(this.#dependencies, revision, listener, signal);
  }

  /** Begins anew: etcd is not, or not any more, what this link was connected to. */
  #reconnect(why: string): void {
    if (this.#connection === undefined || this.isClosed) return;
    this.#dependencies.logger.error('registry in etcd was replaced', { error: why });
    this.#connection = undefined;
    this.recent.setWatching(false);
    this.#feeding.abort();
    this.#connecting = this.#connect();
  }

  async #latest(): Promise<number> {
    const { header } = await this.ask('KV/Range', { key: this.#dependencies.keyspace.head });
    return Number(header.revision);
  }
}

/** The name of an incarnation, or of a writer. */
export function drawId(random: Random): string {
  return toHex(randomBytes(random, ID_BYTES));
}
