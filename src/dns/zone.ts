// What the name server knows, as one immutable snapshot: a table for each network, so that a look-
// up in one network has no way to another. A new state is a new snapshot.

import type { HostId, MachineId, NetworkId } from '../addressing/ids.ts';
import type { Ipv6Address } from '../ip/ipv6-address.ts';
import type { AddressTarget } from './content.ts';

/** Stands before `internal` in the names of WireGuard peers. */
export const PEER_LABEL = '_peer';

export interface Zone {
  readonly networks: ReadonlyMap<NetworkId, NetworkZone>;
}

/** Everything that an asker of one network may learn. */
export interface NetworkZone {
  /** This host's name server and API in the network; the hosts' own has none. */
  readonly server?: AddressTarget;
  /** The network's apps by name, with or without instances. */
  readonly apps: ReadonlyMap<string, AppZone>;
  /**
   * The regions of the site's hosts: a name in one of them exists also while no instance runs
   * there.
   */
  readonly regions: ReadonlySet<string>;
  /** This host, then others by their distance from it; one that is not in it is the farthest. */
  readonly nearestHosts: readonly HostId[];
  /** The network's WireGuard peers, ordered by name. */
  readonly peers: readonly PeerName[];
}

export interface PeerName {
  readonly name: string;
  readonly address: Ipv6Address;
}

export interface AppZone {
  readonly name: string;
  /** Started instances that an answer may name, ordered by machine id. */
  readonly instances: readonly InstanceName[];
  /** Those that are deployed and not started, ordered by machine id: their names exist. */
  readonly stopped: readonly InstanceName[];
}

export interface InstanceName {
  readonly machineId: MachineId;
  readonly address: Ipv6Address;
  readonly region: string;
  readonly group: string;
  readonly host: HostId;
  readonly metadata: Readonly<Record<string, string>>;
  /** What it has declared to serve. */
  readonly services: readonly ServiceName[];
  /** Whether it has declared checks and all of them pass. */
  readonly healthy: boolean;
}

export interface ServiceName {
  readonly name: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
}

/** The name of a WireGuard peer, without the final dot. */
export function peerName({ name }: Pick<PeerName, 'name'>): string {
  return `${name}.${PEER_LABEL}.internal`;
}

/** The name of an instance for as long as it exists, without the final dot. */
export function machineName(machineId: MachineId, app: string): string {
  return `${machineId}.vm.${app}.internal`;
}

export const EMPTY_ZONE: Zone = { networks: new Map() };
