// The history of etcd is kept for as long as a store promises: older revisions are compacted, by
// quarters of what is kept, by the server that happens to write.

import { status } from '@grpc/grpc-js';
import type { Logger } from '../../base/logger.ts';
import { type EtcdClient, isStatus } from './etcd-client.ts';

export class HistoryLimit {
  readonly #client: EtcdClient;
  readonly #logger: Logger;
  readonly #revisionsKept: number;
  #compactAfter = 0;

  constructor(client: EtcdClient, logger: Logger, revisionsKept: number) {
    this.#client = client;
    this.#logger = logger;
    this.#revisionsKept = revisionsKept;
  }

  /** `revision` was written; what has become too old is compacted in the background. */
  reached(revision: number): void {
    if (revision < this.#compactAfter) return;
    this.#compactAfter = revision + Math.ceil(this.#revisionsKept / 4);
    void this.#compact(revision - this.#revisionsKept);
  }

  async #compact(revision: number): Promise<void> {
    if (revision <= 0) return;
    try {
      await this.#client.ask('KV/Compact', { revision });
    } catch (error) {
      // Another server was faster.
      if (isStatus(error, status.OUT_OF_RANGE)) return;
      this.#logger.debug('history of etcd is not compacted', { error: String(error) });
    }
  }
}
