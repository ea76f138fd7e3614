// One p6nd to ask, and as whom: what the calls of all nouns share.

import { OPERATOR_HEADER } from '../contract/protocol.ts';
import { type ApiTarget, call, type Exchange } from '../exchange.ts';

/** Longest wait for an answer, milliseconds. */
const CALL_TIMEOUT_MS = 15_000;

export interface ConnectionOptions {
  readonly target: ApiTarget;
  /** Proves this host's p6nd to a server. */
  readonly secret?: string | undefined;
  /** Whether the calls are made for the p6nctl of this host. */
  readonly operator?: boolean | undefined;
}

export interface ExchangeOptions {
  readonly body?: unknown;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal;
}

/** Every call rejects with P6nErrors: those of p6nd, or that it cannot be reached. */
export class Connection {
  readonly #target: ApiTarget;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(options: ConnectionOptions) {
    this.#target = options.target;
    this.#headers = {
      ...(options.secret === undefined ? {} : { authorization: `Bearer ${options.secret}` }),
      ...(options.operator === true ? { [OPERATOR_HEADER]: '1' } : {}),
    };
  }

  get<T>(target: string): Promise<T> {
    return this.call<T>('GET', target);
  }

  post<T>(target: string, body: unknown, timeoutMs?: number): Promise<T> {
    return this.call<T>('POST', target, { body, timeoutMs });
  }

  delete(target: string, timeoutMs?: number): Promise<void> {
    return this.call('DELETE', target, { timeoutMs });
  }

  async call<T>(
    method: Exchange['method'],
    target: string,
    options: ExchangeOptions = {},
  ): Promise<T> {
    return (await call(this.exchange(method, target, options))) as T;
  }

  /** What a stream is made of. */
  exchange(method: Exchange['method'], target: string, options: ExchangeOptions): Exchange {
    return {
      target: this.#target,
      method,
      path: target,
      headers: this.#headers,
      body: options.body,
      timeoutMs: options.timeoutMs ?? CALL_TIMEOUT_MS,
      signal: options.signal,
    };
  }
}

/** The calls of one noun. */
export abstract class Calls {
  protected readonly api: Connection;

  constructor(api: Connection) {
    this.api = api;
  }
}
