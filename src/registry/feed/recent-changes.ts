// The last changes that followers may see, in the order of the store, so that whoever is a little
// behind catches up from memory. What a follower is told of a change is made once for all.

import { assert } from '../../base/assert.ts';
import { decodeFollowed } from '../codec.ts';
import { type FollowedScope, followedScope } from '../keys.ts';
import type { FollowEvent } from '../model.ts';
import type { StoreChange, StoreRevision } from '../store.ts';

/** How many characters of records are kept at the most. */
const RECENT_CHARACTERS_MAX = 32 * 1_048_576;
/** What an entry weighs besides the text of its record. */
const ENTRY_CHARACTERS = 256;

/** A change of one record, as it is told: a line of JSON, made when somebody first needs it. */
export class FollowedChange {
  readonly revision: number;
  readonly scope: FollowedScope;
  /** What those are told for whom it is all; made for the first of them. */
  whole: Uint8Array | undefined = undefined;
  readonly #change: StoreChange;
  #bytes: Uint8Array | undefined;

  constructor(revision: number, scope: FollowedScope, change: StoreChange) {
    this.revision = revision;
    this.scope = scope;
    this.#change = change;
  }

  /** Throws REGISTRY_CORRUPT. */
  get bytes(): Uint8Array {
    this.#bytes ??= Buffer.from(formatEvent(eventOf(this.#change)));
    return this.#bytes;
  }

  get characters(): number {
    return ENTRY_CHARACTERS + (this.#change.type === 'put' ? this.#change.entry.value.length : 0);
  }
}

/** All that followers may see of one revision of the store; never nothing. */
export interface FollowedRevision {
  readonly revision: number;
  readonly changes: readonly FollowedChange[];
}

export class RecentChanges {
  readonly #revisionsMax: number;
  readonly #revisions: FollowedRevision[] = [];
  /** How many of #revisions, from the first on, are forgotten. */
  #forgotten = 0;
  #characters = 0;
  #floor: number;
  #latest: number;

  constructor(latest: number, revisionsMax: number) {
    this.#revisionsMax = revisionsMax;
    this.#floor = latest;
    this.#latest = latest;
  }

  /** Everything after this revision is known. */
  get floor(): number {
    return this.#floor;
  }

  /** Everything up to this revision is known. */
  get latest(): number {
    return this.#latest;
  }

  /** Takes the store's next revision; returns what followers may see of it, if anything. */
  append(next: StoreRevision): FollowedRevision | undefined {
    assert(next.revision > this.#latest, 'RecentChanges: revisions must ascend');
    this.#latest = next.revision;
    const entry = followedOf(next);
    if (entry === undefined) return undefined;
    this.#revisions.push(entry);
    this.#characters += charactersOf(entry);
    this.#forget();
    return entry;
  }

  /** Takes `past`, which has all revisions after `floor` up to the floor before. */
  prepend(floor: number, { revisions, characters }: PastChanges): void {
    const last = revisions.at(-1)?.revision ?? floor;
    assert(floor <= this.#floor && last <= this.#floor, 'RecentChanges: it is known already');
    this.#revisions.splice(0, this.#forgotten, ...revisions);
    this.#forgotten = 0;
    this.#characters += characters;
    this.#floor = floor;
    this.#forget();
  }

  /** The revisions after `position`, which is not below the floor. */
  *after(position: number): Generator<FollowedRevision, void, undefined> {
    assert(position >= this.#floor, 'RecentChanges: what is asked for is forgotten');
    let low = this.#forgotten;
    let high = this.#revisions.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#revisions[middle]?.revision ?? 0) > position) high = middle;
      else low = middle + 1;
    }
    for (let index = low; index < this.#revisions.length; index++) {
      const entry = this.#revisions[index];
      if (entry !== undefined) yield entry;
    }
  }

  #forget(): void {
    while (
      this.#revisions.length - this.#forgotten > this.#revisionsMax ||
      this.#characters > RECENT_CHARACTERS_MAX
    ) {
      const oldest = this.#revisions[this.#forgotten] as FollowedRevision;
      this.#floor = oldest.revision;
      this.#characters -= charactersOf(oldest);
      this.#forgotten += 1;
    }
    // In large steps, so that each revision is moved a few times at the most.
    if (this.#forgotten < this.#revisionsMax) return;
    this.#revisions.splice(0, this.#forgotten);
    this.#forgotten = 0;
  }
}

/** What is read of the past, for as long as there is room for it. */
export class PastChanges {
  readonly revisions: FollowedRevision[] = [];
  characters = 0;

  /** False when it is more than is kept. */
  append(next: StoreRevision): boolean {
    const entry = followedOf(next);
    if (entry !== undefined) {
      this.revisions.push(entry);
      this.characters += charactersOf(entry);
    }
    return this.characters <= RECENT_CHARACTERS_MAX;
  }
}

function followedOf({ revision, changes }: StoreRevision): FollowedRevision | undefined {
  const followed = changes.flatMap((change) => {
    const scope = followedScope(change.type === 'put' ? change.entry.key : change.key);
    return scope === undefined ? [] : [new FollowedChange(revision, scope, change)];
  });
  return followed.length === 0 ? undefined : { revision, changes: followed };
}

/** An event as it is sent: one line of JSON. */
export function formatEvent(event: FollowEvent): string {
  return `${JSON.stringify(event)}\n`;
}

function eventOf(change: StoreChange): FollowEvent {
  if (change.type === 'delete') return { type: 'remove', key: change.key };
  return { type: 'put', key: change.entry.key, record: decodeFollowed(change.entry) };
}

function charactersOf({ changes }: FollowedRevision): number {
  return changes.reduce((sum, { characters }) => sum + characters, 0);
}
