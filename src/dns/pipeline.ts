// Who answers a question: one list, in the order in which it is asked.

import { absence } from './handlers/absence.ts';
import { apex } from './handlers/apex.ts';
import { api } from './handlers/api.ts';
import { app } from './handlers/app.ts';
import { cluster } from './handlers/cluster.ts';
import { forwarding } from './handlers/forwarding.ts';
import { health } from './handlers/health.ts';
import { lists } from './handlers/lists.ts';
import { machine } from './handlers/machine.ts';
import { metadata } from './handlers/metadata.ts';
import { nearest } from './handlers/nearest.ts';
import { networkLists } from './handlers/network-lists.ts';
import { ownAddress } from './handlers/own-address.ts';
import { peer } from './handlers/peer.ts';
import { processGroup } from './handlers/process-group.ts';
import { readiness } from './handlers/readiness.ts';
import { region } from './handlers/region.ts';
import { reverse } from './handlers/reverse.ts';
import { services } from './handlers/services.ts';
import { transfers } from './handlers/transfers.ts';
import type { Handler, Query, Verdict } from './query.ts';

/** The first handler with a verdict decides; the last has one on everything. */
export const PIPELINE: readonly Handler[] = [
  transfers, // refused, whatever the name
  ownAddress, // self.internal., fly-local-6pn., i6pn.modal.local.
  readiness, // own names of a network that nothing is known of
  apex, // internal., a.a.d.f.ip6.arpa.
  api, // _api.internal.
  networkLists, // _apps.internal., _instances.internal., all._instances.internal., _peer.internal.
  peer, // <peer>._peer.internal.
  app, // <app>.internal., global.<app>.internal.
  machine, // <machine id>.vm.<app>.internal.
  lists, // regions.<app>.internal., vms.<app>.internal., all. before both
  processGroup, // <group>.process.<app>.internal.
  cluster, // <rank>.cluster.<app>.internal., _cluster.<app>.internal., with an id too
  nearest, // top<N>.nearest.of.<app>.internal.
  metadata, // <value>.<key>.kv._metadata.<app>.internal., <key>.kv._metadata.<app>.internal.
  services, // _<service>._<proto>.<app>.internal.
  health, // healthy.<app>.internal.
  region, // <region>.<app>.internal.
  reverse, // addresses below a.a.d.f.ip6.arpa.
  absence, // whatever else is below our own names
  forwarding, // all other names
];

export function runPipeline(query: Query): Verdict {
  for (const handler of PIPELINE) {
    const verdict = handler.handle(query);
    if (verdict !== undefined) return verdict;
  }
  return 'refused';
}

/** Whose verdict it is. */
export function decidingHandler(query: Query): Handler | undefined {
  return PIPELINE.find((handler) => handler.handle(query) !== undefined);
}
