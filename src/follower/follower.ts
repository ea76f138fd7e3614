// Keeps this host's copy of the registry: follows a server, any one that the transport finds, for
// as long as it runs. Without a server the last copy holds; what is known is never dropped before
// something newer is known as a whole.

import type { NetworkId } from '../addressing/ids.ts';
import { Backoff, type BackoffOptions } from '../base/backoff.ts';
import type { Clock, Millis } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { FollowEvent, FollowPosition, Revision } from '../registry/model.ts';
import { type Copy, WorkingCopy } from './copy.ts';
import type { CopyFile } from './copy-file.ts';

/**
 * Between tries to find a server, milliseconds: so short that all are back within 5 s of a server's
 * return, and the tries of ten thousand hosts are no burden.
 */
const BACKOFF: BackoffOptions = { minMs: 250, maxMs: 3_000 };

export interface FollowTransport {
  /**
   * What some server says about all hosts and the given networks, from a position on, or from the
   * beginning. Ends or throws when the server is lost, also when it is only silent for long;
   * ends soon after `signal` aborts.
   */
  follow(
    networks: ReadonlySet<NetworkId>,
    after: FollowPosition | undefined,
    signal: AbortSignal,
  ): AsyncIterable<FollowEvent>;
}

export interface FollowerDependencies {
  readonly transport: FollowTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Where the copy is kept; without one it lives in memory. */
  readonly file?: CopyFile | undefined;
}

export interface FollowerOptions {
  /** The networks to begin with. */
  readonly networks?: ReadonlySet<NetworkId> | undefined;
  readonly backoff?: BackoffOptions | undefined;
}

export interface FollowerStatus {
  /** Whether a server has said all that it knows and is still there. */
  readonly following: boolean;
  /** When the copy was last known to be up to date. */
  readonly syncedAt: Millis | undefined;
  readonly revision: Revision | undefined;
  /** Why the last server was lost; undefined while following. */
  readonly problem: string | undefined;
}

export interface FollowerCounters {
  readonly copyDamages: number;
  readonly copyWriteFailures: number;
  /** Streams that were lost or could not be had. */
  readonly disconnects: number;
  readonly resets: number;
}

export class Follower {
  readonly #transport: FollowTransport;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #file: CopyFile | undefined;
  readonly #backoff: Backoff;
  readonly #copy = new WorkingCopy();
  readonly #listeners = new Set<() => void>();
  #onFollowing: () => void = () => undefined;
  /** Of the pause between two tries; aborted to end it. */
  #pausing = new AbortController();
  readonly #stopped = new AbortController();
  #networks: ReadonlySet<NetworkId>;
  /** Of the stream that runs; aborted when the networks change. */
  #round = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #notifying = false;
  #following = false;
  #syncedAt: Millis | undefined;
  #problem: string | undefined;
  #disconnects = 0;
  #resets = 0;

  constructor(dependencies: FollowerDependencies, options: FollowerOptions = {}) {
    this.#transport = dependencies.transport;
    this.#clock = dependencies.clock;
    this.#logger = dependencies.logger;
    this.#file = dependencies.file;
    this.#backoff = new Backoff(dependencies.random, options.backoff ?? BACKOFF);
    this.#networks = options.networks ?? new Set();
  }

  /** Goes on from the copy on disk. Never rejects. */
  async load(): Promise<void> {
    const stored = await this.#file?.load();
    if (stored !== undefined) {
      this.#copy.restore(stored);
      // Until somebody names the networks, those of the file are kept: no server may be there to
      // say again what was dropped.
      this.#networks = new Set([...this.#networks, ...stored.interest]);
    }
  }

  /** Begins to follow. */
  start(): void {
    if (!this.#stopped.signal.aborted) this.#running = this.#run();
  }

  /** Stops following and writes the copy. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    await this.#file?.flush();
  }

  /** What is known: a snapshot that never changes. */
  current(): Copy {
    return this.#copy.snapshot();
  }

  /**
   * Names the networks to follow besides the hosts. What is known of a network that stays is kept
   * all the time; what is known of one that goes is dropped.
   */
  setNetworks(networks: ReadonlySet<NetworkId>): void {
    const same =
      networks.size === this.#networks.size && [...networks].every((id) => this.#networks.has(id));
    if (same) return;
    this.#networks = new Set(networks);
    this.#round.abort();
  }

  /**
   * Calls `listener` after the records of the copy have changed, once for many changes. Returns
   * what ends that.
   */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Calls `listener` from now on each time a server is found. */
  onFollowing(listener: () => void): void {
    this.#onFollowing = listener;
  }

  /** There may be a server again: the next try is made at once. */
  hurry(): void {
    this.#pausing.abort();
  }

  status(): FollowerStatus {
    return {
      following: this.#following,
      syncedAt: this.#syncedAt,
      revision: this.#copy.snapshot().revision,
      problem: this.#problem,
    };
  }

  counters(): FollowerCounters {
    const file = this.#file?.counters;
    return {
      copyDamages: file?.damagedFiles ?? 0,
      copyWriteFailures: file?.failedWrites ?? 0,
      disconnects: this.#disconnects,
      resets: this.#resets,
    };
  }

  async #run(): Promise<void> {
    const stopped = this.#stopped.signal;
    while (!stopped.aborted) {
      this.#round = new AbortController();
      const signal = AbortSignal.any([stopped, this.#round.signal]);
      const problem = await this.#followOnce(signal);
      const wasFollowing = this.#following;
      this.#following = false;
      if (signal.aborted) continue;
      this.#disconnects += 1;
      this.#problem = problem;
      if (wasFollowing) this.#logger.info('server lost', { error: problem });
      else this.#logger.debug('no server found', { error: problem });
      this.#pausing = new AbortController();
      await pause(this.#backoff.next(), AbortSignal.any([signal, this.#pausing.signal]));
    }
  }

  /** Follows one server until it is lost; resolves with why. */
  async #followOnce(signal: AbortSignal): Promise<string> {
    const networks = this.#networks;
    const after = this.#copy.begin(networks);
    this.#notifyIfChanged();
    try {
      for await (const event of this.#transport.follow(networks, after, signal)) {
        if (signal.aborted) break;
        this.#take(event);
      }
      return 'the server ended the feed';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #take(event: FollowEvent): void {
    if (event.type === 'reset') this.#resets += 1;
    if (!this.#copy.take(event)) return;
    this.#backoff.reset();
    const isFound = !this.#following;
    this.#following = true;
    if (isFound) {
      this.#logger.info('following a server', { revision: revisionOf(event) });
      this.#tell(() => this.#onFollowing());
    }
    this.#problem = undefined;
    this.#syncedAt = this.#clock.now();
    this.#file?.writeSoon(() => this.#copy.store());
    this.#notifyIfChanged();
  }

  /** Tells the listeners in a turn of its own, so that changes that come together are one. */
  #notifyIfChanged(): void {
    if (!this.#copy.isChanged || this.#notifying) return;
    this.#notifying = true;
    setImmediate(() => {
      this.#notifying = false;
      this.#copy.snapshot();
      for (const listener of this.#listeners) this.#tell(listener);
    });
  }

  #tell(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#logger.error('listener to the copy failed', { error: String(error) });
    }
  }
}

function revisionOf(event: FollowEvent): number | undefined {
  return event.type === 'synced' ? event.revision.number : undefined;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}
