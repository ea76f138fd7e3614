// Who answers a question: one list, in the order in which it is asked.

import { absence } from './handlers/absence.ts';
import { apex } from './handlers/apex.ts';
import { app } from './handlers/app.ts';
import { appList } from './handlers/app-list.ts';
import { forwarding } from './handlers/forwarding.ts';
import { lists } from './handlers/lists.ts';
import { machine } from './handlers/machine.ts';
import { processGroup } from './handlers/process-group.ts';
import { readiness } from './handlers/readiness.ts';
import { region } from './handlers/region.ts';
import { transfers } from './handlers/transfers.ts';
import type { Handler, Query, Verdict } from './query.ts';

/** The first handler with a verdict decides; the last has one on everything. */
export const PIPELINE: readonly Handler[] = [
  transfers, // refused, whatever the name
  readiness, // own names of a network that nothing is known of
  apex, // internal., a.a.d.f.ip6.arpa.
  appList, // _apps.internal.
  app, // <app>.internal., global.<app>.internal.
  machine, // <machine id>.vm.<app>.internal.
  lists, // regions.<app>.internal., vms.<app>.internal.
  processGroup, // <group>.process.<app>.internal.
  region, // <region>.<app>.internal.
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
