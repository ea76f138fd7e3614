// What the name server knows, as one immutable snapshot: a table for each network, so that a look-
// up in one network has no way to another. A new state is a new snapshot.

import type { MachineId, NetworkId } from '../addressing/ids.ts';
import type { Ipv6Address } from '../ip/ipv6-address.ts';

export interface Zone {
  readonly networks: ReadonlyMap<NetworkId, NetworkZone>;
}

/** Everything that an asker of one network may learn. */
export interface NetworkZone {
  /** The network's apps by name, with or without instances. */
  readonly apps: ReadonlyMap<string, AppZone>;
  /**
   * The regions of the site's hosts: a name in one of them exists also while no instance runs
   * there.
   */
  readonly regions: ReadonlySet<string>;
}

export interface AppZone {
  readonly name: string;
  /** Started instances that an answer may name, ordered by machine id. */
  readonly instances: readonly InstanceName[];
}

export interface InstanceName {
  readonly machineId: MachineId;
  readonly address: Ipv6Address;
  readonly region: string;
  readonly group: string;
}

export const EMPTY_ZONE: Zone = { networks: new Map() };
