// The thread that SQLite runs in, so that a slow disk delays neither names nor packets: answers the
// requests of sqlite-store.ts in their order. Transactions that came in while the disk was busy are
// written to it together: each by itself costs as much as all of them.

import {
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  workerData,
} from 'node:worker_threads';
import type Database from 'libsql';
import { assert } from '../../base/assert.ts';
import { P6nError } from '../../base/errors.ts';
import { CompactedError } from '../store.ts';
import { openFile } from './file.ts';
import { Operations } from './operations.ts';
import type {
  AnswerMessage,
  Answers,
  Failure,
  Request,
  RequestMessage,
  WorkerOptions,
} from './protocol.ts';

/** How many requests are answered at once. */
const RUN_LENGTH_MAX = 64;
const CORRUPT_CODES = /^SQLITE_(?:CORRUPT|NOTADB|FORMAT)/;

serve();

function serve(): void {
  const port = parentPort;
  assert(port !== null, 'The SQLite worker must run as a worker');
  const { path, freshIncarnation, revisionsKept } = workerData as WorkerOptions;
  let database: Database.Database | undefined;
  try {
    database = openFile(path, freshIncarnation);
    const operations = new Operations(database, revisionsKept);
    post(port, [{ id: 0, ok: true, value: operations.opened() }]);
    answerRequests(port, database, operations);
  } catch (error) {
    database?.close();
    post(port, [{ id: 0, ok: false, failure: failureOf(error) }]);
  }
}

function answerRequests(
  port: MessagePort,
  database: Database.Database,
  operations: Operations,
): void {
  port.on('message', (first: readonly RequestMessage[]) => {
    const messages = [...first, ...waiting(port)];
    for (let start = 0; start < messages.length; ) {
      const end = endOfRun(messages, start);
      post(port, answerRun(operations, messages.slice(start, end)));
      start = end;
    }
    if (messages.at(-1)?.request.op !== 'close') return;
    database.close();
    port.close();
  });
}

function waiting(port: MessagePort): RequestMessage[] {
  const messages: RequestMessage[] = [];
  while (messages.length < RUN_LENGTH_MAX) {
    const next = receiveMessageOnPort(port);
    if (next === undefined) break;
    messages.push(...(next.message as readonly RequestMessage[]));
  }
  return messages;
}

/** A run is of transactions, or has none: what is read does not wait for the disk. */
function endOfRun(messages: readonly RequestMessage[], start: number): number {
  const isWriting = messages[start]?.request.op === 'transact';
  const length = messages
    .slice(start, start + RUN_LENGTH_MAX)
    .findIndex(({ request }) => (request.op === 'transact') !== isWriting);
  return length === -1 ? Math.min(messages.length, start + RUN_LENGTH_MAX) : start + length;
}

function answerRun(operations: Operations, run: readonly RequestMessage[]): AnswerMessage[] {
  const transactions = run.flatMap(({ request }) =>
    request.op === 'transact' ? [request.transaction] : [],
  );
  if (transactions.length > 1) {
    try {
      const values = operations.transactAll(transactions);
      return run.map(({ id }, index) => ({ id, ok: true, value: values[index] }));
    } catch {
      // One of them cannot be done: which one, each tells by itself.
    }
  }
  return run.map(({ id, request }) => answerOne(operations, id, request));
}

function answerOne(operations: Operations, id: number, request: Request): AnswerMessage {
  try {
    return { id, ok: true, value: answer(operations, request) };
  } catch (error) {
    return { id, ok: false, failure: failureOf(error) };
  }
}

function answer(operations: Operations, request: Request): Answers[Request['op']] {
  switch (request.op) {
    case 'get':
      return operations.get(request.key);
    case 'list':
      return operations.list(request.prefixes);
    case 'transact':
      return operations.transact(request.transaction);
    case 'begin-incarnation':
      return operations.beginIncarnation(request.incarnation, request.writes);
    case 'revisions':
      return operations.revisions(request.after, request.max);
    case 'grant-lease':
      operations.grantLease(request.lease, request.ttlMs);
      return undefined;
    case 'end-lease':
      return operations.endLease(request.lease);
    case 'close':
      return undefined;
  }
}

function post(port: MessagePort, answers: readonly AnswerMessage[]): void {
  port.postMessage(answers);
}

function failureOf(error: unknown): Failure {
  if (error instanceof CompactedError) return { kind: 'compacted', message: error.message };
  if (error instanceof P6nError) {
    return { kind: 'p6n', code: error.code, message: error.message, hint: error.hint };
  }
  const code = String((error as { code?: unknown }).code ?? '');
  const facts = error instanceof Error ? error.message : String(error);
  const corrupt = CORRUPT_CODES.test(code);
  return {
    kind: 'p6n',
    code: corrupt ? 'REGISTRY_CORRUPT' : 'REGISTRY_UNAVAILABLE',
    message: `Cannot use the registry file: ${facts}`,
    hint: corrupt
      ? 'Stop p6nd and restore the file from a backup.'
      : 'Look at the disk under the state folder: is it full, writable, healthy?',
  };
}
