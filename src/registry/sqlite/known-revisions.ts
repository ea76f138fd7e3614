// At which revisions keys were made and changed last, for those that were asked for or written of
// late, so that a comparison seldom asks the file. Right as long as all writes are noted here:
// nobody else has the file. What is noted in a transaction that does not come about is forgotten
// with everything else.

/** Far more than what is written within seconds. */
const KEYS_MAX = 32_768;

/** Both are 0 where there is nothing at the key. */
export interface KeyRevisions {
  readonly createRevision: number;
  readonly modRevision: number;
}

const ABSENT: KeyRevisions = { createRevision: 0, modRevision: 0 };

export class KnownRevisions {
  /** The last ones that were noted come last. */
  readonly #keys = new Map<string, KeyRevisions>();
  readonly #read: (key: string) => KeyRevisions | undefined;

  /** `read` asks the file. */
  constructor(read: (key: string) => KeyRevisions | undefined) {
    this.#read = read;
  }

  of(key: string): KeyRevisions {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    const found = this.#read(key) ?? ABSENT;
    this.note(key, found);
    return found;
  }

  note(key: string, { createRevision, modRevision }: KeyRevisions = ABSENT): void {
    this.#keys.delete(key);
    this.#keys.set(key, { createRevision, modRevision });
    if (this.#keys.size <= KEYS_MAX) return;
    for (const oldest of this.#keys.keys()) {
      this.#keys.delete(oldest);
      break;
    }
  }

  forget(): void {
    this.#keys.clear();
  }
}
