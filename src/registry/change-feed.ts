// The feed of changes that drivers share: watchers pull from the last changes in memory, and from
// the driver's log when they are further behind, so that a slow one costs no memory. A watcher
// holds a revision and nothing else.

import { assert } from '../base/assert.ts';
import { P6nError } from '../base/errors.ts';
import { CompactedError, type StoreRevision } from './store.ts';

/** How many of the last revisions are kept in memory for watchers that keep up. */
const RECENT_REVISIONS_MAX = 256;
/** How many revisions a watcher takes at once. */
export const REVISIONS_PER_PAGE_MAX = 64;

/**
 * Reads the driver's log: about `revisionsMax` whole revisions after `afterRevision`, at least one
 * when there are any. Rejects with CompactedError when the log does not reach back that far.
 */
export type ReadPast = (
  afterRevision: number,
  revisionsMax: number,
) => Promise<readonly StoreRevision[]>;

export class ChangeFeed {
  readonly #readPast: ReadPast;
  readonly #recent: StoreRevision[] = [];
  readonly #waiting = new Set<() => void>();
  /** Every revision after this one is in #recent. */
  #floor: number;
  #latest: number;
  /** Counts restarts: a watch of before one knows that it is over. */
  #restarts = 0;
  #closed = false;
  readonly #isReached: (revision: number) => Promise<boolean>;

  /**
   * `isReached` says whether the store has got to a revision that the feed has not seen yet; absent
   * where the feed is never behind the store.
   */
  constructor(
    latest: number,
    readPast: ReadPast,
    isReached: (revision: number) => Promise<boolean> = () => Promise.resolve(false),
  ) {
    this.#floor = latest;
    this.#latest = latest;
    this.#readPast = readPast;
    this.#isReached = isReached;
  }

  get latest(): number {
    return this.#latest;
  }

  /** Appends a revision; each is larger than the one before. */
  publish(revision: StoreRevision): void {
    assert(revision.revision > this.#latest, 'ChangeFeed: revisions must ascend');
    this.#latest = revision.revision;
    this.#recent.push(revision);
    if (this.#recent.length > RECENT_REVISIONS_MAX) {
      this.#floor = this.#recent.shift()?.revision ?? this.#floor;
    }
    this.#wakeAll();
  }

  /** Forgets what it knows and goes on from `latest`: all watches end with CompactedError. */
  restart(latest: number): void {
    this.#restarts += 1;
    this.#recent.length = 0;
    this.#floor = latest;
    this.#latest = latest;
    this.#wakeAll();
  }

  /** Ends all watches with REGISTRY_UNAVAILABLE. */
  close(): void {
    this.#closed = true;
    this.#wakeAll();
  }

  /** As `Store.watch` promises. */
  async *watch(
    prefix: string,
    afterRevision: number,
    signal: AbortSignal,
  ): AsyncGenerator<StoreRevision, void, undefined> {
    const restarts = this.#restarts;
    await this.#requireReached(afterRevision);
    let position = afterRevision;
    while (!signal.aborted) {
      if (this.#closed) throw closedError();
      if (restarts !== this.#restarts) throw new CompactedError('Watch: the past is forgotten');
      if (position >= this.#latest) {
        await this.#nextRevision(signal);
        continue;
      }
      for (const { revision, changes } of await this.#pageAfter(position)) {
        if (restarts !== this.#restarts) break;
        position = revision;
        const wanted = changes.filter((change) =>
          (change.type === 'put' ? change.entry.key : change.key).startsWith(prefix),
        );
        if (wanted.length > 0 || prefix === '') yield { revision, changes: wanted };
        if (signal.aborted) return;
      }
    }
  }

  async #requireReached(revision: number): Promise<void> {
    if (revision <= this.#latest || (await this.#isReached(revision))) return;
    throw new CompactedError('Watch: the store is behind');
  }

  async #pageAfter(position: number): Promise<readonly StoreRevision[]> {
    if (position < this.#floor) {
      const page = await this.#readPast(position, REVISIONS_PER_PAGE_MAX);
      assert(page.length > 0, 'ChangeFeed: the log lacks what was published');
      return page;
    }
    const start = this.#recent.findIndex(({ revision }) => revision > position);
    return this.#recent.slice(start, start + REVISIONS_PER_PAGE_MAX);
  }

  #nextRevision(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  #wakeAll(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

/** What every call on a closed store rejects with. */
export function closedError(): P6nError {
  return new P6nError('REGISTRY_UNAVAILABLE', 'Cannot use the registry: it is closed', {
    hint: 'p6nd is stopping; try again when it runs.',
  });
}

/**
 * Throws while a store holds an older state than it has had: only a new incarnation may be begun.
 */
export function refuseRestored(restored: string | undefined): void {
  if (restored === undefined) return;
  throw new P6nError('REGISTRY_UNAVAILABLE', `Cannot write to the registry: ${restored}`);
}
