// AAAA of `<rank>.cluster.<app>.internal` and TXT of `_cluster.<app>.internal`, the addresses in
// order of rank: of the cluster that the asker is a member of, else of the app's oldest. With a
// cluster's id they are of that one: `<rank>.<id>.cluster.<app>.internal`,
// `<id>._cluster.<app>.internal`.

import { type Cluster, clusterFor } from '../cluster-index.ts';
import { NOTHING_HERE } from '../content.ts';
import type { Handler, Verdict } from '../query.ts';

const RANK_PATTERN = /^(?:0|[1-9][0-9]{0,2})$/;

export const cluster: Handler = {
  name: 'cluster',
  summary: 'members of a cluster by their ranks',
  handle: ({ app, indexes, prefix, self, zone }) => {
    const kind = prefix.at(-1);
    if (app === undefined || (kind !== 'cluster' && kind !== '_cluster')) return undefined;
    const clusters = indexes.clusters(app);
    const own = (): Cluster | undefined => clusterFor(clusters, self?.address);
    if (kind === '_cluster') {
      if (prefix.length > 2) return 'absent';
      return list(prefix.length === 1 ? own() : clusters.get(prefix[0] ?? ''));
    }
    // A region may have that name.
    if (prefix.length === 1) return zone?.regions.has(kind) === true ? undefined : above(clusters);
    const named = clusters.get(prefix.at(-2) ?? '');
    if (prefix.length === 2) return named === undefined ? member(own(), prefix[0]) : NOTHING_HERE;
    return prefix.length === 3 ? member(named, prefix[0]) : 'absent';
  },
};

function above(clusters: ReadonlyMap<string, Cluster>): Verdict | undefined {
  return clusters.size > 0 ? NOTHING_HERE : undefined;
}

function list(one: Cluster | undefined): Verdict {
  return one === undefined ? 'absent' : { text: one.addresses };
}

/** The name of a member that has stopped exists and has no address. */
function member(one: Cluster | undefined, rank = ''): Verdict {
  if (one === undefined || !RANK_PATTERN.test(rank) || Number(rank) >= one.size) return 'absent';
  const instance = one.byRank.get(Number(rank));
  return instance === undefined ? NOTHING_HERE : { instances: [instance] };
}
