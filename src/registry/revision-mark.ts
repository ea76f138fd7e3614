// How far the registry has come, on the disk of a server and beside the registry: a registry that
// is found to be behind its mark was restored from an older file or snapshot.

import type { Logger } from '../base/logger.ts';
import { readFileIfExists, writeFileAtomic } from '../os/atomic-file.ts';
import type { Revision } from './model.ts';

/** The incarnations that a registry remembers to have been, so that a late mark is understood. */
export const PAST_INCARNATIONS_MAX = 16;
/** A mark is so much behind at the most: what a crash and a restore of that very moment leave. */
const WRITE_DELAY_MS = 500;

export class RevisionMark {
  readonly #path: string;
  readonly #logger: Logger;
  #noted: Revision | undefined;
  #written: Revision | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, logger: Logger, found: Revision | undefined) {
    this.#path = path;
    this.#logger = logger;
    this.#noted = found;
    this.#written = found;
  }

  /** Reads the mark at `path`; one that is missing or damaged says nothing. */
  static async open(path: string, logger: Logger): Promise<RevisionMark> {
    const found = parse(await readFileIfExists(path));
    return new RevisionMark(path, logger, found);
  }

  /**
   * What is wrong with a registry that was opened at a revision and has been `past` incarnations
   * before; undefined when nothing is.
   */
  problem({ incarnation, number }: Revision, past: readonly string[]): string | undefined {
    const known = this.#noted;
    if (known === undefined || past.includes(known.incarnation)) return undefined;
    if (known.incarnation !== incarnation) {
      return `this server knew it as ${known.incarnation}, and it is ${incarnation}`;
    }
    if (number >= known.number) return undefined;
    return `this server knew its revision ${known.number}, and it is at ${number}`;
  }

  /** The registry has come to `revision`; later calls say later ones. */
  note(revision: Revision): void {
    this.#noted = revision;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.flush();
    }, WRITE_DELAY_MS).unref();
  }

  /** Resolves when what was noted is durable, or could not be written. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  async #write(): Promise<void> {
    const revision = this.#noted;
    if (revision === undefined || revision === this.#written) return;
    try {
      await writeFileAtomic(this.#path, `${JSON.stringify(revision)}\n`);
      this.#written = revision;
    } catch (error) {
      this.#logger.warn('mark of the registry is not written', { error: String(error) });
    }
  }
}

/** What a registry remembers once it has become another incarnation. */
export function pastWith(past: readonly string[], incarnation: string): readonly string[] {
  return [...past, incarnation].slice(-PAST_INCARNATIONS_MAX);
}

function parse(text: string | undefined): Revision | undefined {
  try {
    const { incarnation, number } = JSON.parse(text ?? '') as Partial<Revision>;
    if (typeof incarnation !== 'string' || !Number.isSafeInteger(number)) return undefined;
    return { incarnation, number: number as number };
  } catch {
    return undefined;
  }
}
