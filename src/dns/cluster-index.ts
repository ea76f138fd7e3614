// The clusters of an app, whose members say in their metadata that they are.

import { clusterMember } from '../addressing/cluster.ts';
import type { TextList } from './content.ts';
import type { AppZone, InstanceName } from './zone.ts';

/** Stands for a rank whose member is gone for good, so that each entry keeps its place. */
const NOBODY = '::';

export interface Cluster {
  /** Started members. */
  readonly byRank: ReadonlyMap<number, InstanceName>;
  readonly size: number;
  /** Addresses in order of rank, also of members that have stopped. */
  readonly addresses: TextList;
}

/** By id, the oldest first. */
export type Clusters = ReadonlyMap<string, Cluster>;

export function indexClusters({ instances, stopped }: AppZone): Clusters {
  const found = new Map<string, { started: Map<number, InstanceName>; all: string[] }>();
  const add = (instance: InstanceName, isStarted: boolean): void => {
    const member = clusterMember(instance.metadata);
    if (member === undefined) return;
    const { cluster, rank, size } = member;
    const known = found.get(cluster) ?? { started: new Map(), all: Array(size).fill(NOBODY) };
    found.set(cluster, known);
    if (rank >= known.all.length) return;
    known.all[rank] = instance.address;
    if (isStarted) known.started.set(rank, instance);
  };
  for (const instance of stopped) add(instance, false);
  for (const instance of instances) add(instance, true);
  const ids = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(
    ids.map(([id, { all, started }]) => [
      id,
      { byRank: started, size: all.length, addresses: { separator: ',', entries: all } },
    ]),
  );
}

/** The cluster of the instance at `address`, else the oldest that has somebody who runs. */
export function clusterFor(clusters: Clusters, address: string | undefined): Cluster | undefined {
  let first: Cluster | undefined;
  for (const cluster of clusters.values()) {
    if (address !== undefined && cluster.addresses.entries.includes(address)) return cluster;
    if (first === undefined && cluster.byRank.size > 0) first = cluster;
  }
  return first ?? [...clusters.values()][0];
}
