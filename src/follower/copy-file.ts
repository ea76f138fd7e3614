// The copy on disk, so that a host that starts without a server knows what it knew. It is a cache:
// a file that is damaged or gone is an empty copy, and a write that fails is tried again later.
//
//   p6n-copy 1 SHA-256-of-the-rest-in-hex LF
//   JSON

import { createHash } from 'node:crypto';
import type { Logger } from '../base/logger.ts';
import { readFileIfExists, writeFileAtomic } from '../os/atomic-file.ts';
import type { StoredCopy } from './copy.ts';

/** What a change waits for others to be written with it, milliseconds. */
const WRITE_DELAY_MS = 1_000;
/** After a write, so many times as long as it took passes before the next. */
const WRITE_PAUSE_FACTOR = 20;
/** Counts up when what the JSON holds changes its meaning. */
const VERSION = 1;
const HEADER_PATTERN = /^p6n-copy (\d+) ([0-9a-f]{64})$/;

export interface CopyFileCounters {
  /** Files that were there and could not be used. */
  readonly damagedFiles: number;
  readonly failedWrites: number;
}

export class CopyFile {
  readonly #path: string;
  readonly #logger: Logger;
  readonly #delayMs: number;
  #read: (() => StoredCopy | undefined) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #lastWriteMs = 0;
  #damagedFiles = 0;
  #failedWrites = 0;

  constructor(
    dependencies: { readonly logger: Logger },
    options: { readonly path: string; readonly delayMs?: number },
  ) {
    this.#logger = dependencies.logger;
    this.#path = options.path;
    this.#delayMs = options.delayMs ?? WRITE_DELAY_MS;
  }

  get counters(): CopyFileCounters {
    return { damagedFiles: this.#damagedFiles, failedWrites: this.#failedWrites };
  }

  /** What was written last, or undefined when there is nothing to be used. Never rejects. */
  async load(): Promise<StoredCopy | undefined> {
    try {
      const text = await readFileIfExists(this.#path);
      return text === undefined ? undefined : parse(text);
    } catch (error) {
      this.#damagedFiles += 1;
      this.#logger.warn('copy of the registry is damaged', { error: String(error) });
      return undefined;
    }
  }

  /** Writes what `read` returns, soon, once for many calls. */
  writeSoon(read: () => StoredCopy | undefined): void {
    this.#read = read;
    if (this.#timer !== undefined) return;
    const delayMs = Math.max(this.#delayMs, this.#lastWriteMs * WRITE_PAUSE_FACTOR);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.flush();
    }, delayMs);
  }

  /** Writes what waits to be written; resolves when nothing does. Never rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  async #write(): Promise<void> {
    const copy = this.#read?.();
    this.#read = undefined;
    if (copy === undefined) return;
    const startedAt = performance.now();
    try {
      await writeFileAtomic(this.#path, format(copy));
    } catch (error) {
      this.#failedWrites += 1;
      this.#logger.warn('copy of the registry failed to be written', { error: String(error) });
    }
    this.#lastWriteMs = performance.now() - startedAt;
  }
}

function format(copy: StoredCopy): string {
  const body = JSON.stringify(copy);
  return `p6n-copy ${VERSION} ${digest(body)}\n${body}`;
}

/** Throws when `text` is not whole; undefined for what another version of p6n wrote. */
function parse(text: string): StoredCopy | undefined {
  const end = text.indexOf('\n');
  const match = HEADER_PATTERN.exec(text.slice(0, Math.max(0, end)));
  const body = text.slice(end + 1);
  if (match === null) throw new Error('it does not begin as a copy');
  if (match[2] !== digest(body)) throw new Error('its checksum is wrong');
  return Number(match[1]) === VERSION ? (JSON.parse(body) as StoredCopy) : undefined;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
