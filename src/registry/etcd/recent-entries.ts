// What stands at keys that were read or written of late, kept right by the watch, so that who asks
// and what a change compares cost no call each. Everything here has the revision as of which it is
// known, and nothing older takes its place: answers and the watch come in any order. Where the
// watch is interrupted nothing is known.

import type { StoreChange, StoreEntry, StoreRevision } from '../store.ts';

const KEYS_MAX = 16_384;
const CHARACTERS_MAX = 8 * 1_048_576;
/** What a key weighs besides its text and value. */
const KEY_CHARACTERS = 96;

interface Known {
  /** As of this revision or later. */
  readonly revision: number;
  /** Undefined where it is known only that what was known before is over. */
  readonly found: { readonly entry: StoreEntry | undefined } | undefined;
}

export class RecentEntries {
  /** The last ones that were asked for or noted come last. */
  readonly #known = new Map<string, Known>();
  #characters = 0;
  #isWatching = false;
  /** The last revision that the watch has told of. */
  #position = 0;

  /** Undefined where it has to be asked. */
  find(key: string): Known['found'] {
    const known = this.#known.get(key);
    if (known?.found === undefined) return undefined;
    this.#known.delete(key);
    this.#known.set(key, known);
    return known.found;
  }

  /** What an answer of `revision` said; of one that the watch has left behind it is not known. */
  note(key: string, entry: StoreEntry | undefined, revision: number): void {
    if (!this.#isWatching || revision < this.#position) return;
    this.#take(key, { revision, found: { entry } });
  }

  /** What the watch said; only what somebody asks for is kept. */
  noteRevision({ revision, changes }: StoreRevision): void {
    this.#position = revision;
    for (const change of changes) {
      const key = keyOf(change);
      if (!this.#known.has(key)) continue;
      const entry = change.type === 'put' ? change.entry : undefined;
      this.#take(key, { revision, found: { entry } });
    }
  }

  /** These keys were written at `revision`, of which the watch has not told yet, maybe. */
  written(keys: readonly string[], revision: number): void {
    if (!this.#isWatching) return;
    for (const key of keys) {
      const isTold = (this.#known.get(key)?.revision ?? 0) >= revision;
      if (!isTold) this.#take(key, { revision, found: undefined });
    }
  }

  /** What is known of these keys is not so. */
  forget(keys: readonly string[]): void {
    for (const key of keys) this.#drop(key);
  }

  /** The watch begins after `revision`, in another history maybe. */
  restart(revision: number): void {
    this.setWatching(false);
    this.#position = revision;
  }

  /** Whether the watch tells of all that happens. */
  setWatching(isWatching: boolean): void {
    this.#isWatching = isWatching;
    if (isWatching) return;
    this.#known.clear();
    this.#characters = 0;
  }

  #take(key: string, known: Known): void {
    if ((this.#known.get(key)?.revision ?? 0) > known.revision) return;
    // A revision that was written here is told by the watch with the same number.
    this.#drop(key);
    this.#known.set(key, known);
    this.#characters += weightOf(key, known);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= KEYS_MAX && this.#characters <= CHARACTERS_MAX) break;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    const known = this.#known.get(key);
    if (known === undefined) return;
    this.#characters -= weightOf(key, known);
    this.#known.delete(key);
  }
}

function keyOf(change: StoreChange): string {
  return change.type === 'put' ? change.entry.key : change.key;
}

function weightOf(key: string, { found }: Known): number {
  return KEY_CHARACTERS + key.length + (found?.entry?.value.length ?? 0);
}
