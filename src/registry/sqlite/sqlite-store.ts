// The store in an SQLite file. This side runs in the main thread and speaks to the worker that
// holds the file; the worker's answers come in order, so this side knows every revision as soon as
// anyone can.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { toHex } from '../../base/bytes.ts';
import type { Clock } from '../../base/clock.ts';
import { P6nError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { type Random, randomBytes } from '../../base/random.ts';
import { ChangeFeed, closedError, refuseRestored } from '../change-feed.ts';
import { LeaseDeadlines } from '../lease-deadlines.ts';
import type { RevisionMark } from '../revision-mark.ts';
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
import { KnownEntries } from './known-entries.ts';
import type {
  AnswerMessage,
  Answers,
  Failure,
  Opened,
  Request,
  RequestMessage,
  WorkerOptions,
  Written,
} from './protocol.ts';

/** More requests than this do not wait for the disk. */
const REQUESTS_WAITING_MAX = 4_096;
const ID_BYTES = 8;
/** What is answered with a revision to publish. */
const WRITING: ReadonlySet<Request['op']> = new Set(['transact', 'begin-incarnation', 'end-lease']);

export interface SqliteStoreDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly mark?: RevisionMark | undefined;
}

export interface SqliteStoreOptions {
  /** The registry's file, made when there is none; its folder exists. */
  readonly path: string;
  /** How many of the last revisions can be watched from, at the least. */
  readonly revisionsKept?: number;
}

interface Waiting {
  readonly request: Request;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

export class SqliteStore implements Store {
  readonly #random: Random;
  readonly #mark: RevisionMark | undefined;
  readonly #logger: Logger;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #known = new KnownEntries();
  readonly #feed: ChangeFeed;
  readonly #deadlines: LeaseDeadlines;
  readonly #exited: Promise<void>;
  #incarnation: string;
  #restored: string | undefined;
  #requests = 0;
  #leasesEnding = 0;
  /** Not yet on their way. */
  #asked: RequestMessage[] = [];
  #ended: P6nError | undefined;

  /**
   * Opens or makes the file. Rejects with REGISTRY_CORRUPT for a file that is no registry or a
   * newer one, which stays as it is, and ALREADY_RUNNING while another process has it open.
   */
  static async open(
    dependencies: SqliteStoreDependencies,
    options: SqliteStoreOptions,
  ): Promise<SqliteStore> {
    const workerOptions: WorkerOptions = {
      path: options.path,
      freshIncarnation: drawId(dependencies.random),
      revisionsKept: options.revisionsKept ?? REVISIONS_KEPT,
    };
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: workerOptions,
      name: 'p6n-registry',
    });
    const exited = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
    });
    const first = await firstAnswer(worker);
    if (first.ok) return new SqliteStore(dependencies, worker, exited, first.value as Opened);
    await exited;
    throw errorOf(first.failure);
  }

  private constructor(
    dependencies: SqliteStoreDependencies,
    worker: Worker,
    exited: Promise<void>,
    opened: Opened,
  ) {
    const { incarnation, past, revision: number } = opened;
    this.#incarnation = incarnation;
    this.#mark = dependencies.mark;
    this.#restored = this.#mark?.problem({ incarnation, number }, past);
    this.#note(number);
    this.#random = dependencies.random;
    this.#logger = dependencies.logger;
    this.#worker = worker;
    this.#exited = exited;
    this.#feed = new ChangeFeed(opened.revision, (after, max) =>
      this.#ask({ op: 'revisions', after, max }),
    );
    this.#deadlines = new LeaseDeadlines(dependencies.clock, () => this.#endLapsed());
    for (const { id, ttlMs } of opened.leases) this.#deadlines.grant(id, ttlMs);
    worker.on('message', (messages: readonly AnswerMessage[]) => {
      for (const message of messages) this.#receive(message);
    });
    worker.on('error', (error) => this.#fail(error.message));
    worker.on('exit', () => this.#fail('its thread ended'));
  }

  get incarnation(): string {
    return this.#incarnation;
  }

  get restored(): string | undefined {
    return this.#restored;
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    assertKey(key);
    this.#endLapsed();
    // What an ending lease takes along is not known yet.
    const isKnown = this.#ended === undefined && this.#leasesEnding === 0 && this.#known.has(key);
    return isKnown ? this.#known.get(key) : await this.#ask({ op: 'get', key });
  }

  /** Nobody else writes. */
  glance(key: string): Promise<StoreEntry | undefined> {
    return this.get(key);
  }

  async list(prefixes: readonly string[]): Promise<StoreListing> {
    assertPrefixes(prefixes);
    return await this.#ask({ op: 'list', prefixes });
  }

  async transact(transaction: StoreTransaction): Promise<StoreResult> {
    assertTransaction(transaction);
    refuseRestored(this.#restored);
    const { result } = await this.#ask({ op: 'transact', transaction });
    return result;
  }

  async beginIncarnation(writes: readonly StoreWrite[]): Promise<boolean> {
    assertTransaction({ compares: [], writes });
    const incarnation = drawId(this.#random);
    await this.#ask({ op: 'begin-incarnation', incarnation, writes });
    this.#incarnation = incarnation;
    this.#restored = undefined;
    this.#feed.restart(this.#feed.latest);
    this.#note(this.#feed.latest);
    // A mark of before would take it for restored after a crash.
    await this.#mark?.flush();
    return true;
  }

  watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncIterable<StoreRevision> {
    assertPrefix(prefix);
    return this.#feed.watch(prefix, afterRevision, signal);
  }

  async grantLease(ttlMs: number): Promise<string> {
    this.#deadlines.requireRoom();
    const lease = drawId(this.#random);
    await this.#ask({ op: 'grant-lease', lease, ttlMs });
    this.#deadlines.grant(lease, ttlMs);
    return lease;
  }

  renewLease(lease: string): Promise<boolean> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#endLapsed();
    return Promise.resolve(this.#deadlines.renew(lease));
  }

  async revokeLease(lease: string): Promise<void> {
    this.#deadlines.end(lease);
    await this.#ask({ op: 'end-lease', lease });
  }

  async close(): Promise<void> {
    if (this.#ended === undefined) {
      const closed = this.#send({ op: 'close' });
      this.#end(closedError());
      await closed.catch(() => undefined);
    }
    await this.#exited;
    await this.#mark?.flush();
  }

  /** Sends a request behind the ends of all leases that are due. */
  #ask<R extends Request>(request: R): Promise<Answers[R['op']]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#endLapsed();
    if (this.#waiting.size >= REQUESTS_WAITING_MAX) {
      return Promise.reject(
        new P6nError('REGISTRY_UNAVAILABLE', 'Cannot use the registry: too many requests wait', {
          hint: 'The disk under the state folder is slow; try again later.',
        }),
      );
    }
    return this.#send(request);
  }

  #send<R extends Request>(request: R): Promise<Answers[R['op']]> {
    this.#requests += 1;
    const message: RequestMessage = { id: this.#requests, request };
    if (request.op === 'end-lease') this.#leasesEnding += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(message.id, { request, resolve, reject });
      // A message costs more than what is asked: what is asked in one turn goes in one.
      if (this.#asked.length === 0) queueMicrotask(() => this.#post());
      this.#asked.push(message);
    });
  }

  #post(): void {
    this.#worker.postMessage(this.#asked);
    this.#asked = [];
  }

  #receive(message: AnswerMessage): void {
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return;
    this.#waiting.delete(message.id);
    const { request } = waiting;
    if (request.op === 'end-lease') this.#leasesEnding -= 1;
    if (!message.ok) {
      waiting.reject(errorOf(message.failure));
      return;
    }
    if (request.op === 'get') this.#known.note(request.key, message.value as Answers['get']);
    if (WRITING.has(request.op)) {
      const { revision } = message.value as Written;
      if (revision !== undefined) this.#publish(revision);
    }
    waiting.resolve(message.value as never);
  }

  #publish(revision: StoreRevision): void {
    this.#known.noteRevision(revision);
    this.#feed.publish(revision);
    this.#note(revision.revision);
  }

  #note(number: number): void {
    if (this.#restored !== undefined) return;
    this.#mark?.note({ incarnation: this.#incarnation, number });
  }

  #endLapsed(): void {
    for (const lease of this.#deadlines.takeLapsed()) {
      this.#send({ op: 'end-lease', lease }).catch((error: unknown) => {
        this.#logger.error('lease failed to end', { error: String(error) });
      });
    }
  }

  /** The worker ended by itself. */
  #fail(facts: string): void {
    if (this.#ended === undefined) this.#logger.error('registry failed', { error: facts });
    this.#end(
      new P6nError('REGISTRY_UNAVAILABLE', `Cannot use the registry: ${facts}`, {
        hint: 'Start p6nd again.',
      }),
    );
    for (const { reject } of this.#waiting.values()) reject(this.#ended ?? closedError());
    this.#waiting.clear();
  }

  #end(error: P6nError): void {
    this.#ended ??= error;
    this.#deadlines.close();
    this.#feed.close();
  }
}

async function firstAnswer(worker: Worker): Promise<AnswerMessage> {
  try {
    const [[first]] = (await once(worker, 'message')) as [[AnswerMessage]];
    return first;
  } catch (cause) {
    const facts = cause instanceof Error ? cause.message : String(cause);
    throw new P6nError('REGISTRY_UNAVAILABLE', `Cannot start the registry's thread: ${facts}`, {
      hint: 'Is p6n installed completely, with its optional packages for this machine?',
      cause,
    });
  }
}

function drawId(random: Random): string {
  return toHex(randomBytes(random, ID_BYTES));
}

function errorOf(failure: Failure): Error {
  if (failure.kind === 'compacted') return new CompactedError(failure.message);
  const { code, message, hint } = failure;
  return new P6nError(code, message, hint === undefined ? {} : { hint });
}
