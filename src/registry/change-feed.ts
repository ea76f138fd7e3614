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
 * Reads the driver's log: up to `revisionsMax` whole revisions after `afterRevision`, at least one
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
  #closed = false;

  constructor(latest: number, readPast: ReadPast) {
    this.#floor = latest;
    this.#latest = latest;
    this.#readPast = readPast;
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
    if (afterRevision > this.#latest) throw new CompactedError('Watch: the store is behind');
    let position = afterRevision;
    while (!signal.aborted) {
      if (this.#closed) throw closedError();
      if (position === this.#latest) {
        await this.#nextRevision(signal);
        continue;
      }
      for (const { revision, changes } of await this.#pageAfter(position)) {
        position = revision;
        const wanted = changes.filter((change) =>
          (change.type === 'put' ? change.entry.key : change.key).startsWith(prefix),
        );
        if (wanted.length > 0) yield { revision, changes: wanted };
        if (signal.aborted) return;
      }
    }
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
