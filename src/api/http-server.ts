// What all servers of the API share: limits on connections, bodies and times, errors in one form,
// and listening on what the caller has, a path or an open socket.

import { randomUUID } from 'node:crypto';
import { chmod, lstat, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import {
  type FastifyError,
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyRequest,
  fastify,
} from 'fastify';
import type { Millis } from '../base/clock.ts';
import { asP6nError, P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { JSON_CONTENT_TYPE } from './contract/protocol.ts';
import { errorBody, httpStatus } from './error-body.ts';
import { lazyValidation } from './lazy-validation.ts';
import { RateLimit } from './rate-limit.ts';
import { limitConnections } from './source-limits.ts';

const BODY_BYTES_MAX = 65_536;
/** Room for a follow request that names all networks it may, and lacks all of them. */
const HEADER_BYTES_MAX = 131_072;
/** Longest time for a whole request to arrive, milliseconds. */
const REQUEST_TIMEOUT_MS = 15_000;
const KEEP_ALIVE_TIMEOUT_MS = 30_000;
/** How often requests that arrive too slowly are looked for, milliseconds. */
const CHECKING_INTERVAL_MS = 5_000;
/** Longest time for the handshake of TLS, milliseconds. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
const PARAMETER_LENGTH_MAX = 255;
/** No route has a schema for its answer. */
const COMPILERS = { buildValidator: lazyValidation, buildSerializer: () => () => JSON.stringify };
const REFUSAL_LOG_RATE = { burst: 16, perSecond: 1 };

/** Tells an answer apart in logs of both sides; the name is that of the Machines API. */
const REQUEST_ID_HEADER = 'fly-request-id';

export interface HttpServerOptions {
  readonly logger: Logger;
  readonly connectionsMax: number;
  /** Of one source address; as many as of all where absent. */
  readonly connectionsPerSourceMax?: number;
  /** A connection on which nothing moves for so long is closed, milliseconds; 0 for never. */
  readonly idleTimeoutMs: number;
  /** Of a request; HEADER_BYTES_MAX where absent. */
  readonly headerBytesMax?: number;
  /** HTTPS with these; HTTP where absent. */
  readonly tls?: TlsFiles | undefined;
}

/** A certificate with those that vouch for it, and its key, PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

export type ListenTarget =
  /** A unix socket that is made with `mode`; one that nobody serves is replaced. */
  | { readonly path: string; readonly mode: number }
  /** A socket that listens already or is bound; the server owns it from now on. */
  | { readonly fd: number }
  | { readonly host: string; readonly port: number };

/** Requests by how they were answered: with a status below 400, below 500, and the rest. */
export interface RequestCounts {
  readonly answered: number;
  readonly wrong: number;
  readonly failed: number;
}

export class ApiServer {
  /** For routes, and for tests that inject requests. */
  readonly app: FastifyInstance;
  readonly #requests = { answered: 0, wrong: 0, failed: 0 };
  readonly #logger: Logger;
  readonly #refusalLog = new RateLimit(REFUSAL_LOG_RATE, performance.now() as Millis);
  #refused = 0;

  constructor(options: HttpServerOptions) {
    this.#logger = options.logger;
    this.app = fastify({
      logger: false,
      exposeHeadRoutes: false,
      genReqId: () => randomUUID(),
      bodyLimit: BODY_BYTES_MAX,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionTimeout: options.idleTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      ...transport(options),
      routerOptions: { maxParamLength: PARAMETER_LENGTH_MAX },
      schemaController: { compilersFactory: COMPILERS },
      ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false } },
    });
    this.app.server.maxConnections = options.connectionsMax;
    const { connectionsPerSourceMax } = options;
    if (connectionsPerSourceMax !== undefined) {
      limitConnections(this.app.server, {
        perSource: connectionsPerSourceMax,
        all: options.connectionsMax,
      });
    }
    this.app.addHook('preClose', (done) => {
      this.app.server.closeAllConnections();
      done();
    });
    this.app.addHook('onRequest', (request, reply, done) => {
      void reply.header(REQUEST_ID_HEADER, request.id);
      done();
    });
    this.app.addHook('onResponse', (_request, { statusCode }, done) => {
      this.#requests[resultOf(statusCode)] += 1;
      done();
    });
    readBodies(this.app);
    answerErrors(this.app, options.logger, (request, error) => this.#noteRefusal(request, error));
  }

  get requests(): RequestCounts {
    return this.#requests;
  }

  /** Requests of callers who may not do what they asked for. */
  get refusedRequests(): number {
    return this.#refused;
  }

  /** Throws ALREADY_RUNNING when somebody serves the path, PORT_TAKEN or SYSTEM. */
  async listen(target: ListenTarget): Promise<void> {
    await this.app.ready();
    if (!('path' in target)) {
      await this.#open(target);
      return;
    }
    await removeStale(target.path);
    // The mask keeps others out between the making of the socket and the change of its mode.
    const mask = process.umask(0o177);
    const opened = this.#open({ path: target.path });
    process.umask(mask);
    await opened;
    await chmod(target.path, target.mode);
  }

  /** Gets ready for connections that somebody else accepts. */
  async attend(): Promise<void> {
    await this.app.ready();
    // From this event on Node.js ends requests that arrive too slowly, and knows what to close.
    this.app.server.emit('listening');
  }

  /** Serves a connection that somebody else has accepted; attend() comes before. */
  take(socket: Socket): void {
    this.app.server.emit('connection', socket);
  }

  /** Another certificate for connections from now on. Throws when the two do not fit. */
  setTls(files: TlsFiles): void {
    const { server } = this.app;
    if (server instanceof TlsServer) server.setSecureContext(files);
  }

  /** Ends all connections and streams; a unix socket goes with its server. */
  async stop(): Promise<void> {
    await this.app.close();
  }

  /** Each is counted; somebody who asks again and again does not fill the log. */
  #noteRefusal(request: FastifyRequest, { code, message }: P6nError): void {
    this.#refused += 1;
    if (!this.#refusalLog.take(performance.now() as Millis)) return;
    const source = request.socket.remoteAddress ?? 'the unix socket';
    this.#logger.warn('request refused', { source, method: request.method, code, error: message });
  }

  #open(target: object): Promise<void> {
    const { server } = this.app;
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => reject(listenError(error, target));
      server.once('error', failed);
      server.listen(target, () => {
        server.off('error', failed);
        // A connection that cannot be taken is no end of the others.
        server.on('error', (error) =>
          this.#logger.warn('listener failed', { error: error.message }),
        );
        resolve();
      });
    });
  }
}

function resultOf(status: number): keyof RequestCounts {
  if (status < 400) return 'answered';
  return status < 500 ? 'wrong' : 'failed';
}

function transport({
  headerBytesMax = HEADER_BYTES_MAX,
  tls,
}: HttpServerOptions): Pick<FastifyHttpOptions<Server>, 'http'> {
  const limits = {
    maxHeaderSize: headerBytesMax,
    connectionsCheckingInterval: CHECKING_INTERVAL_MS,
  };
  if (tls === undefined) return { http: limits };
  const https = { ...limits, ...tls, handshakeTimeout: HANDSHAKE_TIMEOUT_MS };
  // The same server to all that follows: what differs is below HTTP.
  return { https } as unknown as Pick<FastifyHttpOptions<Server>, 'http'>;
}

/** Clients name the type of a body also where they send none. */
function readBodies(app: FastifyInstance): void {
  const readJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<string>(
    JSON_CONTENT_TYPE,
    { parseAs: 'string' },
    (request, body, done) => {
      if (body === '') done(null, undefined);
      else void readJson(request, body, done);
    },
  );
}

function answerErrors(
  app: FastifyInstance,
  logger: Logger,
  noteRefusal: (request: FastifyRequest, error: P6nError) => void,
): void {
  app.setErrorHandler((error: FastifyError | P6nError, request, reply) => {
    const known = readable(error);
    if (known.fault === 'denied' || known.fault === 'unproved') noteRefusal(request, known);
    if (known.fault === 'unproved') void reply.header('www-authenticate', 'Bearer');
    if (known.fault === 'internal') {
      logger.error('request failed', {
        method: request.method,
        route: request.routeOptions.url,
        request: request.id,
        error: error.stack ?? String(error),
      });
    }
    return reply.code(statusFor(error, known)).send(errorBody(known));
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const missing = new P6nError(
      'NOT_FOUND',
      `Cannot ${request.method} ${path}: this API has no such route`,
      { hint: 'Compare `--version` of p6nctl and p6nd.' },
    );
    return reply.code(httpStatus(missing)).send(errorBody(missing));
  });
}

/** The error in our words: fastify's own are about the form of the request. */
function readable(error: FastifyError | P6nError): P6nError {
  if (error instanceof P6nError) return error;
  const [problem] = error.validation ?? [];
  if (problem !== undefined) {
    const place = `${error.validationContext ?? 'request'}${problem.instancePath}`;
    const extra = problem.params['additionalProperty'];
    const facts = extra === undefined ? (problem.message ?? 'is wrong') : `has no "${extra}"`;
    return new P6nError('VALUE_INVALID', `Cannot read the request: ${place} ${facts}`);
  }
  const status = error.statusCode ?? 500;
  if (status < 500) {
    return new P6nError('VALUE_INVALID', `Cannot read the request: ${error.message}`);
  }
  return asP6nError(error, 'Cannot answer the request');
}

function statusFor(error: FastifyError | P6nError, known: P6nError): number {
  if (error instanceof P6nError || known.fault === 'internal') return httpStatus(known);
  return error.statusCode ?? httpStatus(known);
}

/** Removes a socket that a killed daemon left; throws ALREADY_RUNNING when one is served. */
async function removeStale(path: string): Promise<void> {
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('served');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
  });
  if (answer === 'served') {
    throw new P6nError('ALREADY_RUNNING', `Cannot listen on ${path}: another p6nd serves it`, {
      hint: 'Stop the other p6nd, or choose another path with --socket.',
    });
  }
  if (answer !== 'ECONNREFUSED') return;
  if ((await lstat(path)).isSocket()) return await unlink(path);
  throw new P6nError('SYSTEM', `Cannot listen on ${path}: there is something that is no socket`, {
    hint: 'Remove it, or choose another path with --socket.',
  });
}

function listenError(error: NodeJS.ErrnoException, target: object): P6nError {
  const code = error.code === 'EADDRINUSE' ? 'PORT_TAKEN' : 'SYSTEM';
  const place = Object.values(target).join(' port ');
  return new P6nError(code, `Cannot listen on ${place}: ${error.code ?? error.message}`, {
    hint: 'See which program has it with `ss -lxtn`, and that the folder of a path exists.',
    cause: error,
  });
}
