// The writing side of a stream of lines: heartbeats where nothing happens, and no more taken from
// the source than the reader takes.

import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { asP6nError } from '../base/errors.ts';
import type { ErrorBody } from './contract/error.ts';
import { HEARTBEAT_INTERVAL_MS, NDJSON_CONTENT_TYPE } from './contract/protocol.ts';
import { errorBody } from './error-body.ts';

export type StreamLine<T> =
  | T
  | { readonly type: 'heartbeat' }
  /** The last line of a stream that did not end well. */
  | ({ readonly type: 'failed' } & ErrorBody);

/**
 * Answers with the values that `open` yields, until they end or the reader goes away, at which
 * `open`'s signal aborts.
 */
export function sendLines<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  open: (signal: AbortSignal) => AsyncIterable<T>,
): FastifyReply {
  const abort = new AbortController();
  reply.raw.once('close', () => abort.abort());
  if (request.raw.destroyed && !request.raw.complete) abort.abort();
  const lines = encodeLines(open(abort.signal), HEARTBEAT_INTERVAL_MS);
  return reply.type(NDJSON_CONTENT_TYPE).send(Readable.from(lines, { objectMode: true }));
}

/** The values of `source` as lines, a heartbeat after each `heartbeatMs` without one. */
export async function* encodeLines<T>(
  source: AsyncIterable<T>,
  heartbeatMs: number,
): AsyncGenerator<string> {
  // The reader learns at once that its request was heard.
  yield encode<T>({ type: 'heartbeat' });
  const iterator = source[Symbol.asyncIterator]();
  try {
    let next = iterator.next();
    for (;;) {
      const result = await within(next, heartbeatMs);
      if (result === undefined) {
        yield encode<T>({ type: 'heartbeat' });
        continue;
      }
      if (result.done === true) return;
      yield encode<T>(result.value);
      next = iterator.next();
    }
  } catch (error) {
    const failed = asP6nError(error, 'Cannot go on with the stream');
    yield encode<T>({ type: 'failed', ...errorBody(failed) });
  } finally {
    // Not awaited: a source that waits for an event hears of the end through its signal.
    iterator.return?.().catch(() => undefined);
  }
}

function encode<T>(line: StreamLine<T>): string {
  return `${JSON.stringify(line)}\n`;
}

/** What `promise` resolves with, or undefined when that takes longer than `ms`. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
