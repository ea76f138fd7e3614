// The changes of a registry in etcd, as watches say them: one watch that goes on from where it was
// after whatever ends it, and short ones for who wants to hear of the past.

import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceError } from '@grpc/grpc-js';
import { Backoff } from '../../base/backoff.ts';
import { P6nError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import { CompactedError, type StoreChange, type StoreRevision } from '../store.ts';
import { CALL_TIMEOUT_MS, type EtcdClient, EtcdError } from './etcd-client.ts';
import type { Keyspace } from './keyspace.ts';
import type { KeyValue, WatchResponse } from './protocol.ts';

const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 2_000;
/** A revision is one transaction: this many events are far more than one can have. */
const EVENTS_OF_REVISION_MAX = 65_536;

/** A revision of the registry; without changes where it is of the registry's own keys alone. */
export interface FeedRevision extends StoreRevision {
  /** What was written at the key that says which registry this is. */
  readonly registry: KeyValue | undefined;
}

export interface FeedListener {
  /** The next revision; after one that was lost to compaction comes `compacted`. */
  revision(revision: FeedRevision): void;
  /** Nothing is known of the revisions up to this one. */
  compacted(revision: number): void;
  /** Whether etcd says what happens, from now on. */
  watching(isWatching: boolean): void;
}

export interface FeedDependencies {
  readonly client: EtcdClient;
  readonly keyspace: Keyspace;
  readonly random: Random;
  readonly logger: Logger;
}

/** Tells `listener` of every revision after `after` until `signal` aborts. */
export async function runFeed(
  { client, keyspace, random, logger }: FeedDependencies,
  after: number,
  listener: FeedListener,
  signal: AbortSignal,
): Promise<void> {
  const backoff = new Backoff(random, { minMs: RETRY_MIN_MS, maxMs: RETRY_MAX_MS });
  let position = after;
  while (!signal.aborted) {
    try {
      const source = { client, keyspace, opened: () => listener.watching(true) };
      for await (const revision of watchFrom(source, position, signal)) {
        backoff.reset();
        position = revision.revision;
        listener.revision(revision);
      }
    } catch (error) {
      if (signal.aborted) return;
      listener.watching(false);
      if (error instanceof LostRevisionsError) {
        position = Math.max(position, error.compacted);
        listener.compacted(position);
        continue;
      }
      logger.debug('watch of etcd ended', { error: String(error) });
    }
    client.nextMember();
    await delay(backoff.next(), undefined, { signal }).catch(() => undefined);
  }
}

/** The next revisions after `after`, at least one; rejects with CompactedError. */
export async function readPast(
  source: Pick<FeedDependencies, 'client' | 'keyspace'>,
  after: number,
): Promise<readonly StoreRevision[]> {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), CALL_TIMEOUT_MS);
  const revisions: StoreRevision[] = [];
  try {
    for await (const { revision, changes, isLastOfAnswer } of watchFrom(
      source,
      after,
      ending.signal,
    )) {
      revisions.push({ revision, changes });
      if (isLastOfAnswer) break;
    }
  } catch (error) {
    if (error instanceof LostRevisionsError) throw new CompactedError(error.message);
    throw error;
  } finally {
    clearTimeout(timer);
    ending.abort();
  }
  if (revisions.length > 0) return revisions;
  throw new P6nError(
    'REGISTRY_UNAVAILABLE',
    'Cannot read the past of the registry: etcd is silent',
  );
}

interface WatchSource extends Pick<FeedDependencies, 'client' | 'keyspace'> {
  /** Called when etcd has taken the watch. */
  readonly opened?: () => void;
}

class LostRevisionsError extends Error {
  override readonly name = 'LostRevisionsError';
  readonly compacted: number;

  constructor(compacted: number) {
    super('Watch: the past is forgotten');
    this.compacted = compacted;
  }
}

/** Whole revisions after `after`, for as long as one stream lasts; its end is an error. */
async function* watchFrom(
  { client, keyspace, opened }: WatchSource,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<FeedRevision & { readonly isLastOfAnswer: boolean }, void, undefined> {
  const stream = await client.watch();
  const end = (): void => stream.cancel();
  signal.addEventListener('abort', end, { once: true });
  // A stream that is cancelled ends with an error that nobody waits for.
  stream.on('error', () => undefined);
  const { key, rangeEnd } = keyspace.all;
  const startRevision = after + 1;
  stream.write({
    createRequest: { key, rangeEnd, startRevision, progressNotify: true, fragment: true },
  });
  let events: WatchResponse['events'][number][] = [];
  try {
    for await (const answer of stream as AsyncIterable<WatchResponse>) {
      if (Number(answer.compactRevision) > 0) {
        throw new LostRevisionsError(Number(answer.compactRevision));
      }
      if (answer.canceled) throw new Error(`canceled: ${answer.cancelReason}`);
      if (answer.events.length === 0) opened?.();
      events = events.concat(answer.events);
      const revisions = [...byRevision(keyspace, events)];
      // A part of an answer may end within a revision.
      const begun = answer.fragment ? revisions.pop()?.revision : undefined;
      events = events.filter(({ kv }) => Number(kv.modRevision) === begun);
      if (events.length > EVENTS_OF_REVISION_MAX) throw new Error('a revision has no end');
      for (const [index, revision] of revisions.entries()) {
        yield { ...revision, isLastOfAnswer: index === revisions.length - 1 };
      }
    }
  } catch (error) {
    throw error instanceof Error && 'code' in error ? new EtcdError(error as ServiceError) : error;
  } finally {
    signal.removeEventListener('abort', end);
    stream.cancel();
  }
}

function* byRevision(
  keyspace: Keyspace,
  events: readonly WatchResponse['events'][number][],
): Generator<FeedRevision> {
  for (let start = 0; start < events.length; ) {
    const number = Number(events[start]?.kv.modRevision);
    const changes: StoreChange[] = [];
    let registry: KeyValue | undefined;
    let next = start;
    for (; Number(events[next]?.kv.modRevision) === number; next++) {
      const event = events[next];
      if (event === undefined) break;
      const change = keyspace.change(event);
      if (change !== undefined) changes.push(change);
      else if (event.kv.key.equals(keyspace.registry)) registry = event.kv;
    }
    yield { revision: number, changes, registry };
    start = next;
  }
}
