// The identity of this host while p6nd runs: changed by one at a time, durable before it counts.

import type { Identity, IdentityFiles } from './identity.ts';

export class IdentityKeeper {
  readonly #files: Pick<IdentityFiles, 'write'>;
  #identity: Identity;
  #writing: Promise<void> = Promise.resolve();

  constructor(files: Pick<IdentityFiles, 'write'>, identity: Identity) {
    this.#files = files;
    this.#identity = identity;
  }

  /** As it stands on disk. */
  get current(): Identity {
    return this.#identity;
  }

  /** Changes what differs; resolves when it is durable. Rejects as the file system does. */
  change(difference: Partial<Identity>): Promise<void> {
    const written = this.#writing.then(async () => {
      const next = { ...this.#identity, ...difference };
      await this.#files.write(next);
      this.#identity = next;
    });
    this.#writing = written.catch(() => undefined);
    return written;
  }

  /** Resolves when nothing is being written. */
  async stop(): Promise<void> {
    await this.#writing;
  }
}
