// A moment of the wall clock in a small file: milliseconds since 1970 in text.

import { dirname } from 'node:path';
import { makePrivateFolder, readFileIfExists, writeFileAtomic } from './atomic-file.ts';

const TEXT_PATTERN = /^[0-9]{1,16}(?:\.[0-9]{1,6})?\n$/;

export class TimestampFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Undefined when there is no such file, or it holds something else. */
  async read(): Promise<number | undefined> {
    const text = await readFileIfExists(this.#path).catch(() => undefined);
    return text !== undefined && TEXT_PATTERN.test(text) ? Number(text) : undefined;
  }

  /** Writes `wallMs` durably; the folder is made when there is none. */
  async write(wallMs: number): Promise<void> {
    await makePrivateFolder(dirname(this.#path));
    await writeFileAtomic(this.#path, `${Math.ceil(wallMs)}\n`);
  }
}
