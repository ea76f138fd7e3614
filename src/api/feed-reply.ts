// The writing side of a feed that has many readers at once: chunks that are text already go out as
// they are, no sooner than the reader takes them, and heartbeats where there are none.

import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { asP6nError } from '../base/errors.ts';
import type { ErrorBody } from './contract/error.ts';
import { HEARTBEAT_INTERVAL_MS } from './contract/protocol.ts';
import { errorBody } from './error-body.ts';

/** What a feed says besides its chunks. */
export interface FeedFormat {
  readonly contentType: string;
  readonly heartbeat: string;
  /** The last word of a feed that did not end well. */
  readonly failure: (error: ErrorBody) => string;
}

/** Takes a chunk; what it returns is waited for before the next one. */
export type TakeChunk = (chunk: Uint8Array) => Promise<void> | undefined;

/** Chunks for one reader, to be handed over as they come: a chunk then costs no promise. */
export interface ChunkFeed {
  /** Resolves at the end; rejects as what stands behind it fails. */
  each(take: TakeChunk): Promise<void>;
}

/**
 * Answers with the chunks that `open` yields, until they end or the reader goes away, at which
 * `open`'s signal aborts. The end of the answer is that of its connection, so that a chunk needs no
 * frame of its own.
 */
export function sendFeed(
  reply: FastifyReply,
  format: FeedFormat,
  open: (signal: AbortSignal) => AsyncIterable<Uint8Array> | ChunkFeed,
): FastifyReply {
  const abort = new AbortController();
  const chunks = open(abort.signal);
  const { raw } = reply.hijack();
  raw.once('close', () => abort.abort());
  if (raw.destroyed) abort.abort();
  raw.useChunkedEncodingByDefault = false;
  raw.writeHead(200, { 'content-type': format.contentType, connection: 'close' });
  // The reader learns at once that its request was heard.
  raw.write(format.heartbeat);
  // What follows needs nothing of HTTP, which would cost more than the chunk itself. An answer to
  // an injected request has no connection.
  const sink = raw.socket instanceof Socket ? raw.socket : raw;
  void write(sink, format, chunks, abort.signal);
  return reply;
}

async function write(
  sink: Writable,
  format: FeedFormat,
  chunks: AsyncIterable<Uint8Array> | ChunkFeed,
  signal: AbortSignal,
): Promise<void> {
  let isQuiet = true;
  const heartbeat = setInterval(() => {
    if (isQuiet && !sink.writableNeedDrain) sink.write(format.heartbeat);
    isQuiet = true;
  }, HEARTBEAT_INTERVAL_MS);
  try {
    const take: TakeChunk = (chunk) => {
      isQuiet = false;
      return sink.destroyed || sink.write(chunk) ? undefined : drained(sink, signal);
    };
    if ('each' in chunks) await chunks.each(take);
    else for await (const chunk of chunks) await take(chunk);
  } catch (error) {
    sink.write(format.failure(errorBody(asP6nError(error, 'Cannot go on with the stream'))));
  } finally {
    clearInterval(heartbeat);
    sink.end();
  }
}

/** Resolves when the reader has taken what was written, or has gone away. */
function drained(sink: Writable, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      sink.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    sink.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}
