// Whether all echo requests of a namespace were answered, by the counters of its kernel. What
// ping(8) says at its end is not exact: it waits for the last reply for twice the longest round
// trip before, so a reply that a busy machine delays counts as lost.

import type { TestNamespace } from './namespaces.ts';
import { until } from './p6nwg.ts';

const WAIT_MS = 2_000;

/** Rejects when a request of the namespace stays without a reply. */
export async function untilAllAnswered(namespace: TestNamespace): Promise<void> {
  await until(() => echoes(namespace, 'InEchoReps') === echoes(namespace, 'OutEchos'), WAIT_MS);
}

/** A counter of ICMP from the two lines, names and numbers, of /proc/net/snmp. */
function echoes(namespace: TestNamespace, name: string): number {
  const lines = namespace.run('cat /proc/net/snmp').split('\n');
  const [names = [], values = []] = lines
    .filter((line) => line.startsWith('Icmp:'))
    .map((line) => line.split(' '));
  return Number(values[names.indexOf(name)]);
}
