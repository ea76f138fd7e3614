// Calls on a cluster of etcd: every call has a deadline, goes to one member after the other until
// one answers, and is repeated only where that cannot do twice what was asked once.

import { setTimeout as delay } from 'node:timers/promises';
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { Backoff } from '../../base/backoff.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import {
  loadMethods,
  type Methods,
  type StreamName,
  type UnaryMethods,
  type UnaryName,
  type WatchCreateRequest,
  type WatchResponse,
} from './protocol.ts';

/**
 * gRPC's deadlines are moments of the wall clock. One try on one member; a member that has lost its
 * leader answers nothing.
 */
export const TRY_TIMEOUT_MS = 2_500;
/** All tries of a call together. */
export const CALL_TIMEOUT_MS = 8_000;
const RETRY_MIN_MS = 30;
const RETRY_MAX_MS = 500;
/** How often a token that etcd has forgotten is fetched again for one call. */
const LOGINS_PER_CALL_MAX = 2;

const MEBIBYTE = 1024 * 1024;
const CHANNEL_OPTIONS: ChannelOptions = {
  // etcd ends connections that ask more often than every 5 s.
  'grpc.keepalive_time_ms': 6_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.max_receive_message_length': 256 * MEBIBYTE,
  'grpc.max_send_message_length': 4 * MEBIBYTE,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
};

/**
 * What etcd says when it surely has not done what it was asked, and would not do it later. Not
 * RESOURCE_EXHAUSTED: what fills its space to the last is answered so after it was done.
 */
const REFUSALS: ReadonlySet<status> = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.ALREADY_EXISTS,
  status.PERMISSION_DENIED,
  status.FAILED_PRECONDITION,
  status.OUT_OF_RANGE,
  status.UNIMPLEMENTED,
  status.UNAUTHENTICATED,
]);

export interface EtcdOptions {
  /** `HOST:PORT` of members, at least one. */
  readonly endpoints: readonly string[];
  /** PEM; TLS is spoken where there is one of them. */
  readonly ca?: Buffer | undefined;
  readonly certificate?: Buffer | undefined;
  readonly key?: Buffer | undefined;
  readonly user?: string | undefined;
  /** Read when a token is needed, and not kept. */
  readonly password?: (() => string) | undefined;
}

/** What a call ended with besides an answer. */
export class EtcdError extends Error {
  override readonly name = 'EtcdError';
  readonly status: status;

  constructor(error: Pick<ServiceError, 'code' | 'details'>) {
    super(error.details);
    this.status = error.code;
  }

  /** Whether it is sure that nothing was done and nothing will be done. */
  get isRefusal(): boolean {
    return REFUSALS.has(this.status);
  }
}

export type WatchStream = ClientDuplexStream<
  { readonly createRequest: WatchCreateRequest },
  WatchResponse
>;

export type LeaseStream = ClientDuplexStream<object, object>;

export class EtcdClient {
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #options: EtcdOptions;
  readonly #methods: Methods = loadMethods();
  readonly #credentials: ChannelCredentials;
  readonly #clients = new Map<number, Client>();
  #member = 0;
  #token: Promise<string> | undefined;
  #closed = false;

  constructor(
    dependencies: { readonly random: Random; readonly logger: Logger },
    options: EtcdOptions,
  ) {
    this.#random = dependencies.random;
    this.#logger = dependencies.logger;
    this.#options = options;
    const { ca, certificate, key } = options;
    this.#credentials =
      ca === undefined && certificate === undefined
        ? credentials.createInsecure()
        : credentials.createSsl(ca ?? null, key ?? null, certificate ?? null);
  }

  /** Asks until some member answers or CALL_TIMEOUT_MS are over; only for what may be repeated. */
  async ask<N extends UnaryName>(
    name: N,
    request: UnaryMethods[N]['request'],
  ): Promise<UnaryMethods[N]['response']> {
    const deadline = Date.now() + CALL_TIMEOUT_MS;
    const backoff = new Backoff(this.#random, { minMs: RETRY_MIN_MS, maxMs: RETRY_MAX_MS });
    for (;;) {
      try {
        return await this.askOnce(name, request, Math.min(deadline, Date.now() + TRY_TIMEOUT_MS));
      } catch (error) {
        if (this.#closed || !(error instanceof EtcdError) || error.isRefusal) throw error;
        const delayMs = backoff.next();
        if (Date.now() + delayMs >= deadline) throw error;
        await delay(delayMs);
      }
    }
  }

  /**
   * Asks one member once. Unless the error says that it is a refusal, what was asked may have been
   * done, and may still be done later.
   */
  async askOnce<N extends UnaryName>(
    name: N,
    request: UnaryMethods[N]['request'],
    deadline: number = Date.now() + TRY_TIMEOUT_MS,
  ): Promise<UnaryMethods[N]['response']> {
    for (let logins = 1; ; logins++) {
      const metadata = await this.#metadata(deadline);
      try {
        return await this.#unary(name, request, metadata, deadline);
      } catch (error) {
        if (!isForgottenLogin(error) || logins === LOGINS_PER_CALL_MAX) throw error;
        this.#token = undefined;
      }
    }
  }

  /** A stream of watches; it ends with an error when its member has no leader. */
  async watch(): Promise<WatchStream> {
    const metadata = await this.#metadata(Date.now() + TRY_TIMEOUT_MS);
    metadata.set('hasleader', 'true');
    return this.#stream('Watch/Watch', metadata) as WatchStream;
  }

  /** A stream that renews leases, each as often as it is written; it answers in LeaseResponses. */
  async leases(): Promise<LeaseStream> {
    const metadata = await this.#metadata(Date.now() + TRY_TIMEOUT_MS);
    return this.#stream('Lease/LeaseKeepAlive', metadata);
  }

  /** Turns to another member from now on. */
  nextMember(): void {
    this.#member = (this.#member + 1) % this.#options.endpoints.length;
  }

  close(): void {
    this.#closed = true;
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #unary<N extends UnaryName>(
    name: N,
    request: UnaryMethods[N]['request'],
    metadata: Metadata,
    deadline: number,
  ): Promise<UnaryMethods[N]['response']> {
    const { path, requestSerialize, responseDeserialize } = this.#method(name);
    const member = this.#member;
    return new Promise((resolve, reject) => {
      this.#client().makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        { deadline },
        (error, answer) => {
          if (error === null) return resolve(answer as UnaryMethods[N]['response']);
          const failure = new EtcdError(error);
          if (!failure.isRefusal && member === this.#member) this.nextMember();
          reject(failure);
        },
      );
    });
  }

  #stream(name: StreamName, metadata: Metadata): LeaseStream {
    const { path, requestSerialize, responseDeserialize } = this.#method(name);
    const stream = this.#client().makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadata,
      {},
    );
    return stream.on('error', (error) => {
      if (isForgottenLogin(new EtcdError(error as ServiceError))) this.#token = undefined;
    });
  }

  #method(name: string): NonNullable<ReturnType<Methods['get']>> {
    const method = this.#methods.get(name);
    if (method === undefined) throw new Error(`etcd.proto lacks ${name}`);
    return method;
  }

  #client(): Client {
    if (this.#closed) throw new EtcdError({ code: status.CANCELLED, details: 'it is closed' });
    const existing = this.#clients.get(this.#member);
    if (existing !== undefined) return existing;
    const endpoint = this.#options.endpoints[this.#member] ?? '';
    const client = new Client(endpoint, this.#credentials, CHANNEL_OPTIONS);
    this.#clients.set(this.#member, client);
    return client;
  }

  /** Proves who asks, where etcd wants it proved. */
  async #metadata(deadline: number): Promise<Metadata> {
    const metadata = new Metadata();
    const { user, password } = this.#options;
    if (user === undefined) return metadata;
    this.#token ??= this.#login(user, password?.() ?? '', deadline);
    try {
      metadata.set('token', await this.#token);
    } catch (error) {
      this.#token = undefined;
      throw error;
    }
    return metadata;
  }

  async #login(name: string, password: string, deadline: number): Promise<string> {
    const request = { name, password };
    const { token } = await this.#unary('Auth/Authenticate', request, new Metadata(), deadline);
    this.#logger.debug('logged in to etcd');
    return token;
  }
}

/** A token ends with its time, with the member that made it, and when users or roles change. */
function isForgottenLogin(error: unknown): boolean {
  if (!(error instanceof EtcdError)) return false;
  return (
    error.status === status.UNAUTHENTICATED ||
    (error.status === status.INVALID_ARGUMENT && error.message.includes('auth store is old'))
  );
}

/** Whether etcd, or the way to it, has answered with that status. */
export function isStatus(error: unknown, wanted: status): boolean {
  return error instanceof EtcdError && error.status === wanted;
}
