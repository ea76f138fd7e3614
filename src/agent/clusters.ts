// A cluster: instances that start all or none, each with its rank and the addresses of all. While
// it is being formed its records say so, and what a crash leaves of it goes with the next start.

import {
  CLUSTER_SIZE_MAX,
  clusterMetadata,
  makeClusterId,
  OWN_METADATA_PREFIX,
} from '../addressing/cluster.ts';
import type { WallMillis } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import { type Random, randomInteger } from '../base/random.ts';
import type { Journal } from './journal.ts';
import type { JournalRecord } from './journal-record.ts';
import type { ClusterSettings } from './run-settings.ts';

const CHANCE_MAX = 0xffff;
/** Supervisors that start at the same time. */
const LAUNCHES_MAX = 8;

export function drawClusterId(random: Random, now: WallMillis): string {
  return makeClusterId(now, randomInteger(random, 0, CHANCE_MAX));
}

export function requireClusterSize(size: number): void {
  if (Number.isInteger(size) && size >= 1 && size <= CLUSTER_SIZE_MAX) return;
  throw new P6nError('VALUE_INVALID', `Cannot run a cluster of ${size}: it has 1 to 256 members`);
}

/** Throws VALUE_INVALID for metadata that p6n alone sets. */
export function requireForeignKeys(keys: Iterable<string>): void {
  for (const key of keys) {
    if (!key.startsWith(OWN_METADATA_PREFIX)) continue;
    throw new P6nError('VALUE_INVALID', `Cannot set metadata "${key}": p6n sets it itself`, {
      hint: `Keys that begin with ${OWN_METADATA_PREFIX} are p6n's.`,
    });
  }
}

/** What the records of the members say, once all of their addresses are known. */
export function asCluster(members: readonly JournalRecord[], id: string): readonly JournalRecord[] {
  const addresses = members.map(({ instance }) => instance.address);
  return members.map((record, rank) => {
    const cluster: ClusterSettings = { id, rank, addresses, isForming: true };
    const own = clusterMetadata({ cluster: id, rank, size: members.length });
    const metadata = { ...record.instance.metadata, ...own };
    return {
      ...record,
      instance: { ...record.instance, metadata },
      settings: { ...record.settings, cluster },
    };
  });
}

/** The record of a member of a cluster that is whole. */
export function asFormed(record: JournalRecord): JournalRecord {
  const { cluster, ...settings } = record.settings ?? {};
  if (cluster === undefined) return record;
  const { isForming: _, ...formed } = cluster;
  return { ...record, settings: { ...settings, cluster: formed } };
}

/** Takes away what is left of clusters that were never whole: their supervisors end with them. */
export async function removeHalfFormed(journal: Journal): Promise<void> {
  const records = journal.records();
  const broken = new Set(
    records.flatMap(({ settings }) =>
      settings?.cluster?.isForming === true ? [settings.cluster.id] : [],
    ),
  );
  for (const record of records) {
    const { cluster } = record.settings ?? {};
    if (cluster === undefined || !broken.has(cluster.id)) continue;
    await journal.put({ ...record, removed: true, pending: true });
  }
}

/** Runs `task` for each, some at a time; rejects with the first failure when all have ended. */
export async function forEachMember<T>(
  members: readonly T[],
  task: (member: T) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < members.length; start += LAUNCHES_MAX) {
    const some = members.slice(start, start + LAUNCHES_MAX);
    const ends = await Promise.allSettled(some.map(task));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }
}
