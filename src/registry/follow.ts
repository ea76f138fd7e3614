// What a server tells a follower: a snapshot of what it may see, then every change, by whole
// revisions. It pulls from the store as it is read, so a slow follower costs no memory; one that is
// too slow for the store's log begins anew.

import type { NetworkId } from '../addressing/ids.ts';
import { decodeFollowed } from './codec.ts';
import { appsOf, HOSTS, instancesOf, isFollowed, networkKey, RECORDS } from './keys.ts';
import type { FollowEvent, Revision } from './model.ts';
import { CompactedError, LIST_PREFIXES_MAX, type Store, type StoreChange } from './store.ts';

/**
 * A follower hears of a revision once in so many, also when nothing in them is for it, so that it
 * can resume from there.
 */
export const PROGRESS_REVISIONS = 256;
/** A listing of the hosts, and of each network with its apps and its instances. */
const NETWORKS_LISTED_MAX: number = Math.floor((LIST_PREFIXES_MAX - 1) / 3);

/** As `Registry.follow` promises. */
export async function* follow(
  store: Store,
  networks: ReadonlySet<NetworkId>,
  after: Revision | undefined,
  signal: AbortSignal,
): AsyncGenerator<FollowEvent, void, undefined> {
  let start = after?.incarnation === store.incarnation ? after.number : undefined;
  while (!signal.aborted) {
    try {
      const position = start ?? (yield* snapshot(store, networks));
      const head = start === undefined ? position : (await store.list([])).revision;
      yield* changes(store, networks, { position, head }, signal);
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
    }
    start = undefined;
  }
}

/** Says all that there is, as of the revision that it returns. */
async function* snapshot(
  store: Store,
  networks: ReadonlySet<NetworkId>,
): AsyncGenerator<FollowEvent, number, undefined> {
  const { revision, entries } = await store.list(prefixesOf(networks));
  yield { type: 'reset' };
  for (const entry of entries) {
    if (!isFollowed(entry.key, networks)) continue;
    yield { type: 'put', key: entry.key, record: decodeFollowed(entry) };
  }
  return revision;
}

/** Says every change after `position`, and is at one with the store first at `head`. */
async function* changes(
  store: Store,
  networks: ReadonlySet<NetworkId>,
  { position, head }: { readonly position: number; readonly head: number },
  signal: AbortSignal,
): AsyncGenerator<FollowEvent, void, undefined> {
  const synced = (number: number): FollowEvent => ({
    type: 'synced',
    revision: { incarnation: store.incarnation, number },
  });
  let said = position;
  if (position === head) yield synced(position);
  // All keys, not only records: so the position moves on with the store.
  for await (const { revision, changes: all } of store.watch('', position, signal)) {
    const wanted = all.filter((change) => isFollowed(keyOf(change), networks));
    for (const change of wanted) yield eventOf(change);
    if (wanted.length === 0 && revision !== head && revision < said + PROGRESS_REVISIONS) continue;
    said = revision;
    yield synced(revision);
  }
}

function prefixesOf(networks: ReadonlySet<NetworkId>): readonly string[] {
  if (networks.size > NETWORKS_LISTED_MAX) return [RECORDS];
  return [HOSTS, ...[...networks].flatMap((id) => [networkKey(id), appsOf(id), instancesOf(id)])];
}

function eventOf(change: StoreChange): FollowEvent {
  if (change.type === 'delete') return { type: 'remove', key: change.key };
  return { type: 'put', key: change.entry.key, record: decodeFollowed(change.entry) };
}

function keyOf(change: StoreChange): string {
  return change.type === 'put' ? change.entry.key : change.key;
}
