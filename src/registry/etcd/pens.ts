// Transactions whose outcome is always known, or known to be unknown. A call that is lost on its
// way may have been done, and may still be done seconds later by a new leader; to read what it
// would have written proves nothing. So each transaction also writes with a pen, a key of this
// writer alone, and compares that nobody has written with it since:
//
//   txn { pen unchanged and COMPARES -> pen = MARK and WRITES }     no answer
//   txn { pen unchanged -> pen = VOID, else read the pen }          asked until it is answered
//
// Either the second one comes first, and the first can never be done any more, or the pen says
// MARK, and at which revision. A pen is free for the next transaction when the last one is
// resolved.

import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { assert } from '../../base/assert.ts';
import type { Logger } from '../../base/logger.ts';
import { CALL_TIMEOUT_MS, type EtcdClient, EtcdError } from './etcd-client.ts';
import { compareMod, type Keyspace, put, read } from './keyspace.ts';
import type { KeyValue, ResponseOp, TxnRequest, TxnResponse } from './protocol.ts';

/** How many transactions of one writer are under way at a time; others wait for their turn. */
const PENS_MAX = 32;
const WAITING_MAX = 4_096;
const RETRY_MS = 100;

export type Written =
  | {
      readonly committed: true;
      readonly revision: number;
      /** Undefined where the answer is lost. */
      readonly responses: readonly ResponseOp[] | undefined;
    }
  | { readonly committed: false; readonly responses: readonly ResponseOp[] };

/** etcd could not be asked whether it has done something. */
export class UnknownOutcomeError extends Error {
  override readonly name = 'UnknownOutcomeError';
}

interface Pen {
  readonly key: Buffer;
  /** Of the last write with it; undefined when that has to be asked. */
  modRevision: number | undefined;
  /** What the transaction wrote whose outcome is unknown. */
  mark: string | undefined;
}

export class Pens {
  readonly #client: EtcdClient;
  readonly #keyspace: Keyspace;
  readonly #logger: Logger;
  readonly #writer: string;
  readonly #free: Pen[] = [];
  readonly #waiting: ((pen: Pen) => void)[] = [];
  #pens = 0;
  #marks = 0;

  /** `writer` is of one process at a time; its pens are used again by the next. */
  constructor(client: EtcdClient, keyspace: Keyspace, logger: Logger, writer: string) {
    this.#client = client;
    this.#keyspace = keyspace;
    this.#logger = logger;
    this.#writer = writer;
  }

  /**
   * Does `request` once or not at all. Rejects with EtcdError when it surely was not done, and with
   * UnknownOutcomeError.
   */
  async write(request: TxnRequest): Promise<Written> {
    const pen = await this.#take();
    try {
      return await this.#writeWith(pen, request);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(pen);
      else next(pen);
    }
  }

  async #writeWith(pen: Pen, request: TxnRequest): Promise<Written> {
    const deadline = Date.now() + CALL_TIMEOUT_MS;
    for (;;) {
      if (pen.mark !== undefined) await this.#resolve(pen, pen.mark);
      pen.modRevision ??= await this.#ask(pen);
      const mark = this.#nextMark();
      let answer: TxnResponse;
      try {
        answer = await this.#client.askOnce('KV/Txn', withPen(request, pen, mark));
      } catch (error) {
        if (!(error instanceof EtcdError) || error.isRefusal) throw error;
        pen.mark = mark;
        const revision = await this.#resolve(pen, mark);
        this.#logger.debug('lost call resolved', { done: revision !== undefined });
        if (revision !== undefined) return { committed: true, revision, responses: undefined };
        if (error.status === status.RESOURCE_EXHAUSTED || Date.now() >= deadline) throw error;
        continue;
      }
      const [own, ...responses] = answer.responses;
      if (answer.succeeded) {
        pen.modRevision = Number(answer.header.revision);
        return { committed: true, revision: pen.modRevision, responses };
      }
      const modRevision = modRevisionOf(own);
      if (modRevision === pen.modRevision) return { committed: false, responses };
      // A lost call of the process before this one has been done in the meantime.
      pen.modRevision = modRevision;
    }
  }

  /**
   * The revision at which the transaction with `mark` was done; undefined when it was not and never
   * will be.
   */
  async #resolve(pen: Pen, mark: string): Promise<number | undefined> {
    const { modRevision } = pen;
    assert(modRevision !== undefined, 'Pens: nothing was written with this pen');
    const deadline = Date.now() + CALL_TIMEOUT_MS;
    for (;;) {
      try {
        return settle(pen, mark, await this.#cross(pen.key, modRevision, `void ${mark}`));
      } catch (error) {
        if (!(error instanceof EtcdError) || error.isRefusal || Date.now() >= deadline) {
          throw new UnknownOutcomeError(String(error), { cause: error });
        }
        if (error.status === status.RESOURCE_EXHAUSTED) return await this.#look(pen, mark);
        await delay(RETRY_MS);
      }
    }
  }

  /** Writes with the pen unless somebody has; resolves with what stands there then. */
  async #cross(key: Buffer, modRevision: number, value: string): Promise<PenState> {
    const answer = await this.#client.askOnce('KV/Txn', {
      compare: [compareMod(key, modRevision)],
      success: [put(key, value)],
      failure: [read(key)],
    });
    if (answer.succeeded) return { value, modRevision: Number(answer.header.revision) };
    const kv = keyValueOf(answer.responses[0]);
    return { value: kv?.value.toString(), modRevision: Number(kv?.modRevision ?? 0) };
  }

  /** An etcd without space takes no more writes, but says what stands. */
  async #look(pen: Pen, mark: string): Promise<number | undefined> {
    const { kvs } = await this.#client.ask('KV/Range', { key: pen.key });
    const [kv] = kvs;
    if (kv?.value.toString() !== mark) throw new UnknownOutcomeError('its space is used up');
    return settle(pen, mark, { value: mark, modRevision: Number(kv.modRevision) });
  }

  async #ask(pen: Pen): Promise<number> {
    const { kvs } = await this.#client.ask('KV/Range', { key: pen.key });
    return Number(kvs[0]?.modRevision ?? 0);
  }

  #take(): Promise<Pen> {
    const free = this.#free.pop();
    if (free !== undefined) return Promise.resolve(free);
    if (this.#pens < PENS_MAX) {
      this.#pens += 1;
      const key = this.#keyspace.pen(this.#writer, this.#pens);
      return Promise.resolve({ key, modRevision: undefined, mark: undefined });
    }
    if (this.#waiting.length >= WAITING_MAX) {
      const details = 'too many transactions wait';
      return Promise.reject(new EtcdError({ code: status.UNAVAILABLE, details }));
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #nextMark(): string {
    this.#marks += 1;
    return `${process.pid} ${Date.now()} ${this.#marks}`;
  }
}

interface PenState {
  readonly value: string | undefined;
  readonly modRevision: number;
}

function settle(pen: Pen, mark: string, state: PenState): number | undefined {
  pen.mark = undefined;
  pen.modRevision = state.modRevision;
  return state.value === mark ? state.modRevision : undefined;
}

function withPen(request: TxnRequest, pen: Pen, mark: string): TxnRequest {
  return {
    compare: [compareMod(pen.key, pen.modRevision ?? 0), ...request.compare],
    success: [put(pen.key, mark), ...request.success],
    failure: [read(pen.key), ...request.failure],
  };
}

function modRevisionOf(response: ResponseOp | undefined): number {
  return Number(keyValueOf(response)?.modRevision ?? 0);
}

export function keyValueOf(response: ResponseOp | undefined): KeyValue | undefined {
  return response?.responseRange?.kvs[0];
}
