// What was read and written last, so that what is asked again and again (who a host is, how many
// instances it has) does not go to the thread of the file and back. It is right as long as every
// answer and every revision of that thread is noted in the order in which they come: nobody else
// has the file.

import type { StoreEntry, StoreRevision } from '../store.ts';

const ENTRIES_MAX = 16_384;
const CHARACTERS_MAX = 8 * 1_048_576;
/** What an entry weighs besides its key and value. */
const ENTRY_CHARACTERS = 64;

export class KnownEntries {
  /** The last ones that were asked for or changed come last; undefined where there is nothing. */
  readonly #entries = new Map<string, StoreEntry | undefined>();
  #characters = 0;

  /** Whether it is known what stands at `key`; get() tells. */
  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** What stands at a key that is known. */
  get(key: string): StoreEntry | undefined {
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  /** The answer to a question for `key`. */
  note(key: string, entry: StoreEntry | undefined): void {
    this.#drop(key);
    this.#entries.set(key, entry);
    this.#characters += weightOf(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= ENTRIES_MAX && this.#characters <= CHARACTERS_MAX) break;
      this.#drop(oldest);
    }
  }

  noteRevision({ changes }: StoreRevision): void {
    for (const change of changes) {
      if (change.type === 'put') this.note(change.entry.key, change.entry);
      else if (this.has(change.key)) this.note(change.key, undefined);
    }
  }

  #drop(key: string): void {
    if (!this.#entries.has(key)) return;
    this.#characters -= weightOf(key, this.#entries.get(key));
    this.#entries.delete(key);
  }
}

function weightOf(key: string, entry: StoreEntry | undefined): number {
  return ENTRY_CHARACTERS + key.length + (entry?.value.length ?? 0);
}
