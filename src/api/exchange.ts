// One request of the client and its answer over a unix socket or TCP: a deadline, a bounded body,
// and every failure as a P6nError.

import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { P6nError } from '../base/errors.ts';
import type { Connections } from './connections.ts';
import { JSON_CONTENT_TYPE } from './contract/protocol.ts';
import { errorFromBody } from './error-body.ts';

/** Where p6nd is reached. */
export type ApiTarget =
  | { readonly kind: 'socket'; readonly path: string }
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      /** The source address; the kernel's choice where absent. */
      readonly localAddress?: string | undefined;
      /** For calls, but not for streams; a connection for each where absent. */
      readonly connections?: Connections | undefined;
    };

export interface Exchange {
  readonly target: ApiTarget;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON; undefined for none. */
  readonly body: unknown;
  /** Until the head of the answer is there, milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Longest answer that is read whole, bytes. */
const ANSWER_BYTES_MAX = 64 * 1_048_576;

/** Sends the request; resolves with the head of a successful answer, whose body is yet to come. */
export async function open(
  exchange: Exchange,
  connections?: Connections,
): Promise<IncomingMessage> {
  const answer = await send(exchange, connections);
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return answer;
  throw errorFromBody(await readJson(exchange, answer).catch(() => undefined), status);
}

/**
 * Sends the request; resolves with the JSON of a successful answer, or undefined without a body.
 */
export async function call(exchange: Exchange): Promise<unknown> {
  const { target } = exchange;
  const connections = target.kind === 'tcp' ? target.connections : undefined;
  return await readJson(exchange, await open(exchange, connections));
}

function send(exchange: Exchange, connections?: Connections): Promise<IncomingMessage> {
  const { body, headers, method, path, signal, target, timeoutMs } = exchange;
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const request: ClientRequest = httpRequest({
      ...place(target),
      agent: connections?.agent ?? false,
      method,
      path,
      headers: {
        ...headers,
        ...connections?.headers,
        ...(payload === undefined
          ? {}
          : { 'content-type': JSON_CONTENT_TYPE, 'content-length': payload.byteLength }),
      },
      ...(signal === undefined ? {} : { signal }),
    });
    const deadline = setTimeout(() => {
      request.destroy(new Error(`there was no answer within ${timeoutMs / 1_000} s`));
    }, timeoutMs);
    request.once('close', () => clearTimeout(deadline));
    request.on('error', (error) => {
      // The server has closed the kept connection before it read the request.
      if (request.reusedSocket && errorCode(error) === 'ECONNRESET') resolve(send(exchange));
      else reject(unreachable(target, error));
    });
    request.once('response', (response) => {
      clearTimeout(deadline);
      resolve(response);
    });
    request.end(payload);
  });
}

function place(target: ApiTarget): RequestOptions {
  if (target.kind === 'socket') return { socketPath: target.path };
  const { host, localAddress, port } = target;
  return { host, port, ...(localAddress === undefined ? {} : { localAddress }) };
}

async function readJson(exchange: Exchange, answer: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  const deadline = setTimeout(
    () => answer.destroy(new Error(`the answer stopped within ${exchange.timeoutMs / 1_000} s`)),
    exchange.timeoutMs,
  );
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      length += chunk.byteLength;
      if (length > ANSWER_BYTES_MAX) throw new Error('the answer is too long');
      chunks.push(chunk);
    }
  } catch (error) {
    throw unreachable(exchange.target, error);
  } finally {
    clearTimeout(deadline);
  }
  if (length === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw errorFromBody(undefined, answer.statusCode ?? 0);
  }
}

/** The error of a target that does not answer, or no more. */
export function unreachable(target: ApiTarget, cause: unknown): P6nError {
  const facts = reason(cause);
  if (target.kind === 'tcp') {
    const server = `[${target.host}]:${target.port}`;
    return new P6nError('SERVER_UNREACHABLE', `Cannot reach the server at ${server}: ${facts}`, {
      hint: 'Packets and names go on without it; `p6nctl status` shows the tunnel to it.',
      cause,
    });
  }
  const denied = errorCode(cause) === 'EACCES';
  return new P6nError('DAEMON_UNREACHABLE', `Cannot reach p6nd at ${target.path}: ${facts}`, {
    hint: denied
      ? 'Run p6nctl as root.'
      : 'Start p6nd on this host, or name its socket with --socket or P6N_SOCKET.',
    cause,
  });
}

function reason(cause: unknown): string {
  switch (errorCode(cause)) {
    case 'ENOENT':
      return 'there is no such socket';
    case 'ECONNREFUSED':
      return 'nobody listens there';
    case 'EACCES':
      return 'permission denied';
    case 'ECONNRESET':
      return 'the connection was closed before the answer';
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return 'there is no way to it';
    default:
      return cause instanceof Error ? cause.message : String(cause);
  }
}

function errorCode(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  const { code } = cause as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : undefined;
}
