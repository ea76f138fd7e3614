// Zones of link-local addresses (RFC 4007) by the name of their interface.

import { interfaceIndex } from './syscalls.ts';

/** The index of the interface `name` in the network namespace of this thread, if there is one. */
export function zoneIndex(name: string): number | undefined {
  const index = interfaceIndex(name);
  return index === 0 ? undefined : index;
}
