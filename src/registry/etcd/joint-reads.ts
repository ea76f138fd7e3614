// What is asked of etcd in one turn of the event loop is one call: a call costs more than what it
// says, and a server that has just begun asks for all that its hosts write.

import type { StoreEntry } from '../store.ts';
import { type Keyspace, read } from './keyspace.ts';
import { keyValueOf } from './pens.ts';
import type { KeyValue } from './protocol.ts';
import type { RegistryLink } from './registry-link.ts';

/** Of one call; etcd takes 128. */
const READS_MAX = 96;

export interface ReadEntry {
  readonly entry: StoreEntry | undefined;
  /** As of which it is so. */
  readonly revision: number;
}

interface Reading {
  readonly key: Buffer;
  readonly resolve: (found: ReadEntry) => void;
  readonly reject: (error: unknown) => void;
}

export class JointReads {
  readonly #link: RegistryLink;
  readonly #keyspace: Keyspace;
  #waiting: Reading[] = [];

  constructor(link: RegistryLink, keyspace: Keyspace) {
    this.#link = link;
    this.#keyspace = keyspace;
  }

  read(key: string): Promise<ReadEntry> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key: this.#keyspace.key(key), resolve, reject });
      if (this.#waiting.length === 1) setImmediate(() => this.#begin());
    });
  }

  #begin(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let start = 0; start < waiting.length; start += READS_MAX) {
      void this.#settle(waiting.slice(start, start + READS_MAX));
    }
  }

  async #settle(readings: readonly Reading[]): Promise<void> {
    try {
      const { revision, found } = await this.#ask(readings.map(({ key }) => key));
      for (const [n, { resolve }] of readings.entries()) {
        const kv = found[n];
        resolve({ entry: kv === undefined ? undefined : this.#keyspace.entry(kv), revision });
      }
    } catch (error) {
      for (const { reject } of readings) reject(error);
    }
  }

  async #ask(
    keys: readonly Buffer[],
  ): Promise<{ readonly revision: number; readonly found: readonly (KeyValue | undefined)[] }> {
    const [key] = keys;
    if (keys.length === 1 && key !== undefined) {
      const { header, kvs } = await this.#link.ask('KV/Range', { key });
      return { revision: Number(header.revision), found: kvs };
    }
    const request = { compare: [], success: keys.map(read), failure: [] };
    const { header, responses } = await this.#link.ask('KV/Txn', request);
    return { revision: Number(header.revision), found: responses.map(keyValueOf) };
  }
}
