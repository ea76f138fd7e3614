// The reading side of a stream of lines: heartbeats are taken out, and a stream that is silent for
// longer than several of them, or breaks off, is an error.

import type { IncomingMessage } from 'node:http';
import { P6nError } from '../base/errors.ts';
import { HEARTBEAT_TIMEOUT_MS } from './contract/protocol.ts';
import { errorFromBody } from './error-body.ts';
import { type Exchange, open, unreachable } from './exchange.ts';

/** Longest line that is taken, characters. */
const LINE_LENGTH_MAX = 4_194_304;
/** What a stream was opened with, for an error that comes in it. */
export const STREAM_STATUS = 200;

export interface LineStreamOptions {
  /** The other side has no reason to end the stream: that it ends is an error too. */
  readonly endless?: boolean;
  /** Longest silence, milliseconds; that of the protocol where absent. */
  readonly silenceMs?: number;
}

/** The values of the answer to `exchange`, without heartbeats; ends when its signal aborts. */
export function streamLines<T extends { readonly type: string }>(
  exchange: Exchange,
  options: LineStreamOptions = {},
): AsyncGenerator<Exclude<T, { type: 'heartbeat' }>> {
  return streamed(exchange, readLines<T>(exchange, options.silenceMs), options);
}

/** `source` with its errors in our words, and none once the signal of `exchange` has aborted. */
export async function* streamed<T>(
  exchange: Exchange,
  source: AsyncGenerator<T>,
  options: LineStreamOptions,
): AsyncGenerator<T> {
  try {
    yield* source;
    if (options.endless === true) throw new Error('the stream ended');
  } catch (error) {
    if (exchange.signal?.aborted === true) return;
    throw error instanceof P6nError ? error : unreachable(exchange.target, error);
  }
}

async function* readLines<T extends { readonly type: string }>(
  exchange: Exchange,
  silenceMs: number | undefined,
): AsyncGenerator<Exclude<T, { type: 'heartbeat' }>> {
  for await (const text of openText(exchange, silenceMs)) {
    const line = decodeLine(text);
    if (line.type === 'heartbeat') continue;
    if (line.type === 'failed') throw errorFromBody(withoutType(line), STREAM_STATUS);
    yield line as Exclude<T, { type: 'heartbeat' }>;
  }
}

/** The lines of the answer to `exchange` as they are. */
export async function* openText(
  exchange: Exchange,
  silenceMs: number = HEARTBEAT_TIMEOUT_MS,
): AsyncGenerator<string> {
  const answer = await open(exchange);
  answer.setEncoding('utf8');
  const chunks = (answer as AsyncIterable<string>)[Symbol.asyncIterator]();
  let rest = '';
  try {
    for (;;) {
      const chunk = await nextChunk(answer, chunks, silenceMs);
      if (chunk.done === true) break;
      const lines = `${rest}${chunk.value}`.split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LINE_LENGTH_MAX) throw new Error('a line of the stream is too long');
      yield* lines;
    }
    if (rest !== '') throw new Error('the stream ends within a line');
  } finally {
    answer.destroy();
  }
}

/** Silence counts only while the reader waits: a reader may take its time over a line. */
async function nextChunk(
  answer: IncomingMessage,
  chunks: AsyncIterator<string>,
  silenceMs: number,
): Promise<IteratorResult<string>> {
  const silence = setTimeout(() => {
    answer.destroy(new Error(`nothing was heard for ${silenceMs / 1_000} s`));
  }, silenceMs);
  try {
    return await chunks.next();
  } finally {
    clearTimeout(silence);
  }
}

function decodeLine(line: string): { readonly type: unknown } {
  const value = JSON.parse(line) as unknown;
  if (typeof value !== 'object' || value === null || !('type' in value)) {
    throw new Error('a line of the stream has no type');
  }
  return value;
}

function withoutType(line: object): object {
  return { ...line, type: undefined };
}
