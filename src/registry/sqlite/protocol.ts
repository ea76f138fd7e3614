// The messages between the SQLite store in the main thread and its worker. The worker answers in
// the order of the requests, so an answer also says that all revisions before it were announced.

import type { ErrorCode } from '../../base/errors.ts';
import type {
  StoreEntry,
  StoreListing,
  StoreResult,
  StoreRevision,
  StoreTransaction,
  StoreWrite,
} from '../store.ts';

/** What the worker is started with. */
export interface WorkerOptions {
  readonly path: string;
  /** The incarnation of the registry if the file has to be made. */
  readonly freshIncarnation: string;
  readonly revisionsKept: number;
}

/** What the worker says first, unless it failed. */
export interface Opened {
  readonly incarnation: string;
  /** The last incarnations before. */
  readonly past: readonly string[];
  readonly revision: number;
  readonly leases: readonly { readonly id: string; readonly ttlMs: number }[];
}

/** A write with the revision that it made, if it changed anything. */
export interface Written {
  readonly result: StoreResult;
  readonly revision: StoreRevision | undefined;
}

export type Request =
  | { readonly op: 'get'; readonly key: string }
  | { readonly op: 'list'; readonly prefixes: readonly string[] }
  | { readonly op: 'transact'; readonly transaction: StoreTransaction }
  | {
      readonly op: 'begin-incarnation';
      readonly incarnation: string;
      readonly writes: readonly StoreWrite[];
    }
  | { readonly op: 'revisions'; readonly after: number; readonly max: number }
  | { readonly op: 'grant-lease'; readonly lease: string; readonly ttlMs: number }
  | { readonly op: 'end-lease'; readonly lease: string }
  | { readonly op: 'close' };

/** What each request is answered with. */
export interface Answers {
  readonly get: StoreEntry | undefined;
  readonly list: StoreListing;
  readonly transact: Written;
  readonly 'begin-incarnation': Written;
  readonly revisions: readonly StoreRevision[];
  readonly 'grant-lease': undefined;
  readonly 'end-lease': Written;
  readonly close: undefined;
}

/** An error that can cross between threads. */
export type Failure =
  | { readonly kind: 'compacted'; readonly message: string }
  | {
      readonly kind: 'p6n';
      readonly code: ErrorCode;
      readonly message: string;
      readonly hint: string | undefined;
    };

export interface RequestMessage {
  readonly id: number;
  readonly request: Request;
}

/** The first has id 0 and the value Opened. */
export type AnswerMessage =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly failure: Failure };
