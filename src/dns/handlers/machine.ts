// AAAA of `<machine id>.vm.<app>.internal`: one instance, for as long as it is started.

import { type Handler, NOTHING_HERE } from '../query.ts';
import type { InstanceName } from '../zone.ts';

export const machine: Handler = {
  name: 'machine',
  handle: ({ app, prefix }) => {
    if (app === undefined || prefix[prefix.length - 1] !== 'vm') return undefined;
    if (prefix.length === 1) return NOTHING_HERE;
    const instance = prefix.length === 2 ? find(app.instances, prefix[0] ?? '') : undefined;
    return instance === undefined ? 'absent' : { instances: [instance] };
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
