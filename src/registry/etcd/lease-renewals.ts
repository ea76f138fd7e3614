// Renewals of leases on one stream to etcd for all of them: a stream for each would cost more than
// what is said on it, and every host has a lease that is renewed every few seconds.

import { type ServiceError, status } from '@grpc/grpc-js';
import { type EtcdClient, EtcdError, type LeaseStream, TRY_TIMEOUT_MS } from './etcd-client.ts';
import type { LeaseResponse } from './protocol.ts';

interface Waiting {
  readonly resolve: (seconds: number) => void;
  readonly reject: (error: EtcdError) => void;
}

/** One stream, until it fails; whoever comes then opens the next. */
interface Opened {
  readonly stream: LeaseStream;
  /** By lease, in the order in which they were asked for. */
  readonly waiting: Map<string, Waiting[]>;
  hasFailed: boolean;
}

export class LeaseRenewals {
  readonly #client: EtcdClient;
  #opened: Promise<Opened> | undefined;

  constructor(client: EtcdClient) {
    this.#client = client;
  }

  /** What is left of a lease after this renewal, in seconds; 0 when it has ended. */
  async renew(lease: string): Promise<number> {
    this.#opened ??= this.#open();
    const opening = this.#opened;
    const opened = await opening.catch((error: unknown) => {
      if (this.#opened === opening) this.#opened = undefined;
      throw error;
    });
    if (opened.hasFailed) throw failure(status.UNAVAILABLE, 'the stream has just ended');
    const timer = setTimeout(
      () =>
        this.#fail(opened, failure(status.DEADLINE_EXCEEDED, 'a lease was not renewed in time')),
      TRY_TIMEOUT_MS,
    );
    try {
      return await new Promise<number>((resolve, reject) => {
        const before = opened.waiting.get(lease) ?? [];
        opened.waiting.set(lease, [...before, { resolve, reject }]);
        opened.stream.write({ ID: lease });
      });
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    void this.#opened?.then(
      (opened) => this.#fail(opened, failure(status.CANCELLED, 'it is closed')),
      () => undefined,
    );
  }

  async #open(): Promise<Opened> {
    const opened: Opened = {
      stream: await this.#client.leases(),
      waiting: new Map(),
      hasFailed: false,
    };
    const { stream, waiting } = opened;
    stream.on('data', (answer) => {
      const { ID, TTL } = answer as LeaseResponse;
      const [first, ...others] = waiting.get(ID) ?? [];
      if (others.length > 0) waiting.set(ID, others);
      else waiting.delete(ID);
      first?.resolve(Number(TTL));
    });
    stream.on('error', (error) => this.#fail(opened, new EtcdError(error as ServiceError)));
    // A member that goes may end a stream without a word.
    stream.on('end', () =>
      this.#fail(opened, failure(status.UNAVAILABLE, 'the stream ended without an answer')),
    );
    return opened;
  }

  #fail(opened: Opened, error: EtcdError): void {
    if (opened.hasFailed) return;
    opened.hasFailed = true;
    this.#opened = undefined;
    this.#client.nextMember();
    opened.stream.cancel();
    for (const { reject } of [...opened.waiting.values()].flat()) reject(error);
  }
}

function failure(code: status, details: string): EtcdError {
  return new EtcdError({ code, details });
}
