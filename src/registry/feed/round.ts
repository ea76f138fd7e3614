// One watch on the store, and all that are told what it says, from the first that asks until the
// watch breaks off.

import type { NetworkId } from '../../addressing/ids.ts';
import { P6nError } from '../../base/errors.ts';
import type { FollowedScope } from '../keys.ts';
import type { FollowPosition, Revision } from '../model.ts';
import { CompactedError, type Store, type StoreRevision } from '../store.ts';
import type { Beginning } from './following.ts';
import { Listings } from './listings.ts';
import { Reader } from './reader.ts';
import { type FollowedChange, formatEvent, PastChanges, RecentChanges } from './recent-changes.ts';
import { pauseAfterTelling } from './telling-pace.ts';

/** A follower for which nothing happens hears so often how far it is, milliseconds. */
const PROGRESS_INTERVAL_MS = 5_000;
/** A watch that ends sooner has met something that the store has forgotten. */
const WATCH_LASTS_MS = 60_000;
/** A store that refuses a watch so often, one after the other, is given up for this round. */
const REFUSALS_MAX = 8;
/** Within this time all followers are told anew, milliseconds. */
const LIST_ALL_WITHIN_MS = 5 * 60_000;
/** How many listings are made ready ahead of a reader. */
const LISTINGS_AHEAD = 16;
/**
 * How long a follower waits for the watch to say what a read has shown, milliseconds. A store may
 * have revisions without a change, of which no watch tells; then it is told all the same, later.
 */
const CATCH_UP_MAX_MS = 1_000;

export class Round {
  readonly #store: Store;
  #listings: Listings;
  readonly #readers = new Map<FollowedScope, Set<Reader>>([['hosts', new Set()]]);
  /** To be woken in the next turn. */
  #due: Reader[] = [];
  /** Resolve with the revision that they wait for. */
  readonly #waiting = new Map<() => void, number>();
  readonly #progress: NodeJS.Timeout;
  readonly #begun: Promise<void>;
  readonly #revisionsMax: number;
  #recent: RecentChanges;
  #tellFromMs = Number.NEGATIVE_INFINITY;
  #recalled: Promise<void> = Promise.resolve();
  #nextHead: Promise<number> | undefined;
  #lastSynced: (Revision & { readonly bytes: Uint8Array }) | undefined;
  #ended: { readonly error: unknown } | undefined;

  constructor(store: Store, revisionsMax: number) {
    this.#store = store;
    this.#revisionsMax = revisionsMax;
    this.#recent = new RecentChanges(0, revisionsMax);
    this.#listings = new Listings(store);
    this.#progress = setInterval(() => this.#tellProgress(), PROGRESS_INTERVAL_MS).unref();
    this.#begun = this.#begin();
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Throws CompactedError when what followed `resumed` is not known (any more). */
  async *begin(
    networks: ReadonlySet<NetworkId>,
    resumed: FollowPosition | undefined,
    signal: AbortSignal,
  ): Beginning {
    await this.#begun;
    // What was acknowledged before somebody asks is a part of the first answer.
    const head = await this.#head();
    const after = resumed?.incarnation === this.#store.incarnation ? resumed : undefined;
    await this.#reach(head);
    if (after !== undefined) await this.#recall(after.number, head);
    const reader = this.#enter(networks, after?.number ?? this.#recent.latest, signal);
    let isLive = false;
    try {
      if (after === undefined) yield Buffer.from(formatEvent({ type: 'reset' }));
      const unknown = after === undefined ? (['hosts', ...networks] as const) : (after.lacks ?? []);
      yield* this.#list(unknown, signal);
      isLive = true;
      return reader;
    } finally {
      if (!isLive) reader.leave();
    }
  }

  /** The revision of the last change before this call or later; asked once for many who begin. */
  #head(): Promise<number> {
    this.#nextHead ??= new Promise(setImmediate).then(async () => {
      this.#nextHead = undefined;
      return (await this.#store.list([])).revision;
    });
    return this.#nextHead;
  }

  /** Resolves once every change from now on is heard of. */
  async #begin(): Promise<void> {
    try {
      const { revision: head } = await this.#store.list([]);
      this.#recent = new RecentChanges(head, this.#revisionsMax);
      this.#watch(head).catch((error: unknown) => this.#end(error));
    } catch (error) {
      this.#end(error);
      throw error;
    }
  }

  /**
   * Makes known what followed `number`, one who asks after the other: mostly the first one's answer
   * serves all. The past is read for those alone that resume, and no further back than they need.
   */
  #recall(number: number, head: number): Promise<void> {
    const turn = this.#recalled.then(async () => {
      if (number < this.#recent.floor) await this.#readBack(number);
      if (number >= this.#recent.floor && number <= head) return;
      throw new CompactedError('Follow: the revision is not known');
    });
    this.#recalled = turn.catch(() => undefined);
    return turn;
  }

  async #readBack(number: number): Promise<void> {
    const recent = this.#recent;
    if (number < recent.latest - this.#revisionsMax) return;
    const past = new PastChanges();
    const { signal } = new AbortController();
    for await (const revision of this.#store.watch('', number, signal)) {
      if (revision.revision <= recent.floor && !past.append(revision)) return;
      if (revision.revision >= recent.floor) break;
    }
    recent.prepend(number, past);
  }

  async #watch(head: number): Promise<void> {
    const { signal } = new AbortController();
    for (let refusals = 0; refusals < REFUSALS_MAX; refusals++) {
      const startedMs = performance.now();
      try {
        const { latest } = this.#recent;
        for await (const revision of this.#store.watch('', latest, signal)) this.#receive(revision);
        break;
      } catch (error) {
        if (!(error instanceof CompactedError)) throw error;
      }
      this.#listings = new Listings(this.#store);
      if (performance.now() - startedMs <= WATCH_LASTS_MS) await this.#beginAt(head);
      else {
        refusals = 0;
        this.#listSlowly();
      }
    }
    throw new CompactedError('Follow: the watch has ended');
  }

  /** The store does not remember what followed the last revision; what is to come is enough. */
  async #beginAt(head: number): Promise<void> {
    const hasBegun = this.#recent.latest >= head;
    const { revision } = hasBegun ? await this.#store.list([]) : { revision: head };
    this.#recent = new RecentChanges(revision, this.#revisionsMax);
    for (const reader of this.#readers.get('hosts') ?? []) this.#listAnew(reader);
  }

  /**
   * A store that ends a watch after a long time may have lost a change: every follower is told all
   * anew, one after the other.
   */
  #listSlowly(): void {
    const readers = [...(this.#readers.get('hosts') ?? [])];
    readers.forEach((reader, n) => {
      const delayMs = (n / readers.length) * LIST_ALL_WITHIN_MS;
      setTimeout(() => this.#listAnew(reader), delayMs).unref();
    });
  }

  #listAnew(reader: Reader): void {
    reader.mustList = true;
    reader.wake();
  }

  #receive(revision: StoreRevision): void {
    for (const change of this.#recent.append(revision)?.changes ?? []) {
      this.#listings.changed(change.scope);
      for (const reader of this.#readers.get(change.scope) ?? []) {
        // One that has resumed may be ahead of what is read of the past.
        if (reader.position < revision.revision) {
          this.#markDue(reader, revision.revision - 1, change);
        }
      }
    }
    for (const [resolve, awaited] of this.#waiting) {
      if (awaited <= this.#recent.latest) resolve();
    }
  }

  /** There is something for the reader after `position`. */
  #markDue(reader: Reader, position: number, change?: FollowedChange): void {
    if (!reader.note(position, change)) return;
    this.#due.push(reader);
    if (this.#due.length > 1) return;
    const waitMs = this.#tellFromMs - performance.now();
    if (waitMs > 0) setTimeout(() => this.#wakeDue(), waitMs);
    else setImmediate(() => this.#wakeDue());
  }

  #wakeDue(): void {
    const due = this.#due;
    this.#due = [];
    this.#tellFromMs = performance.now() + pauseAfterTelling(due.length);
    for (const reader of due) reader.wake();
  }

  #tellProgress(): void {
    for (const reader of this.#readers.get('hosts') ?? []) {
      const { latest } = this.#recent;
      if (reader.position < latest) this.#markDue(reader, latest);
    }
  }

  /** What stands in the registry in `scopes`, as of the reader's position or later. */
  async *#list(
    scopes: readonly FollowedScope[],
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    for (let start = 0; start < scopes.length && !signal.aborted; start += LISTINGS_AHEAD) {
      const ahead = scopes.slice(start, start + LISTINGS_AHEAD);
      const listings = await Promise.all(ahead.map((scope) => this.#listings.get(scope)));
      for (const { lines } of listings) if (lines.byteLength > 0) yield lines;
      await this.#reach(Math.max(...listings.map(({ revision }) => revision)));
    }
  }

  /** What has happened since the reader's position, and how far it is with that. */
  #take(reader: Reader): Uint8Array | undefined {
    if (reader.mustList) throw new CompactedError('Follow: it is time to list');
    this.#requireRunning();
    if (!reader.isDue) return undefined;
    const noted = reader.takeNoted();
    const [first] = noted ?? [];
    try {
      return first !== undefined && noted?.length === 1
        ? this.#tellOnly(reader, first)
        : this.#tellAll(reader, noted ?? this.#seek(reader));
    } catch (error) {
      if (!(error instanceof P6nError) || error.code !== 'REGISTRY_CORRUPT') throw error;
      // What could not be read once may be sound by now, and nobody goes past it otherwise.
      throw new CompactedError('Follow: a change cannot be read');
    }
  }

  #tellOnly(reader: Reader, only: FollowedChange): Uint8Array {
    reader.position = only.revision;
    only.whole ??= Buffer.concat([only.bytes, this.#synced(only.revision)]);
    return only.whole;
  }

  #tellAll(reader: Reader, changes: readonly FollowedChange[]): Uint8Array {
    if (reader.position < this.#recent.floor) {
      throw new CompactedError('Follow: the follower is too slow');
    }
    reader.position = Math.max(reader.position, this.#recent.latest);
    const synced = this.#synced(reader.position);
    if (changes.length === 0) return synced;
    return Buffer.concat([...changes.map(({ bytes }) => bytes), synced]);
  }

  /** What of the last changes is for the reader. */
  #seek(reader: Reader): FollowedChange[] {
    if (reader.position < this.#recent.floor) return [];
    const revisions = [...this.#recent.after(reader.position)];
    return revisions.flatMap(({ changes }) =>
      changes.filter(({ scope }) => scope === 'hosts' || reader.networks.has(scope)),
    );
  }

  /** The line that says how far a follower is, made once for all who get there. */
  #synced(number: number): Uint8Array {
    const { incarnation } = this.#store;
    if (this.#lastSynced?.number !== number || this.#lastSynced.incarnation !== incarnation) {
      const line = formatEvent({ type: 'synced', revision: { incarnation, number } });
      this.#lastSynced = { number, incarnation, bytes: Buffer.from(line) };
    }
    return this.#lastSynced.bytes;
  }

  /** Resolves once the watch has told of `revision`, or when it should have. */
  async #reach(revision: number): Promise<void> {
    if (this.#recent.latest < revision && this.#ended === undefined) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          this.#waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, CATCH_UP_MAX_MS);
        this.#waiting.set(done, revision);
      });
    }
    this.#requireRunning();
  }

  #enter(networks: ReadonlySet<NetworkId>, position: number, signal: AbortSignal): Reader {
    const abort = (): void => {
      reader.hasLeft = true;
      reader.wake();
    };
    const reader = new Reader(networks, position, {
      take: () => this.#take(reader),
      leave: () => {
        signal.removeEventListener('abort', abort);
        this.#leave(reader);
      },
    });
    reader.hasLeft = signal.aborted;
    signal.addEventListener('abort', abort, { once: true });
    for (const scope of ['hosts', ...networks] as const) {
      const readers = this.#readers.get(scope);
      if (readers === undefined) this.#readers.set(scope, new Set([reader]));
      else readers.add(reader);
    }
    return reader;
  }

  #leave(reader: Reader): void {
    for (const scope of ['hosts', ...reader.networks] as const) {
      const readers = this.#readers.get(scope);
      readers?.delete(reader);
      if (readers?.size === 0 && scope !== 'hosts') this.#readers.delete(scope);
    }
  }

  #requireRunning(): void {
    if (this.#ended !== undefined) throw this.#ended.error;
  }

  #end(error: unknown): void {
    this.#ended ??= { error };
    clearInterval(this.#progress);
    for (const resolve of [...this.#waiting.keys()]) resolve();
    for (const reader of this.#readers.get('hosts') ?? []) reader.wake();
  }
}
