// AAAA of `<machine id>.vm.<app>.internal`: one instance while it is started. The name of a stopped
// one exists and has no address.

import { NOTHING_HERE } from '../content.ts';
import type { Handler } from '../query.ts';
import type { InstanceName } from '../zone.ts';

export const machine: Handler = {
  name: 'machine',
  summary: 'one instance by its machine id',
  handle: ({ app, prefix }) => {
    if (app === undefined || prefix[prefix.length - 1] !== 'vm') return undefined;
    if (prefix.length === 1) return NOTHING_HERE;
    if (prefix.length > 2) return 'absent';
    const machineId = prefix[0] ?? '';
    const instance = find(app.instances, machineId);
    if (instance !== undefined) return { instances: [instance] };
    return find(app.stopped, machineId) === undefined ? 'absent' : NOTHING_HERE;
  },
};

/** Binary search: a zone orders its instances by machine id. */
function find(instances: readonly InstanceName[], machineId: string): InstanceName | undefined {
  let low = 0;
  let high = instances.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const instance = instances[middle] as InstanceName;
    if (instance.machineId === machineId) return instance;
    if (instance.machineId < machineId) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}
