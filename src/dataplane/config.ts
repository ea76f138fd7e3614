// All that the data plane is told, as one value: the agent says what shall be, the handle sends the
// worker what differs from before.

import type { DeviceConfig } from '../device/config.ts';
import type { FilterConfig } from '../filter/config.ts';

export interface DataplaneConfig {
  /**
   * UDP port of the WireGuard socket on both families; the same port for as long as the data plane
   * runs.
   */
  readonly listenPort: number;
  readonly device: DeviceConfig;
  /** Serves the WireGuard peers of tenants' networks; none, and no socket, where absent. */
  readonly gateway?: GatewayConfig;
  readonly filter: FilterConfig;
  /** `p6n0` is one of them. */
  readonly tuns: readonly TunConfig[];
}

export interface GatewayConfig {
  /** UDP port of its sockets, another one than the mesh's. */
  readonly listenPort: number;
  readonly device: DeviceConfig;
}

/** TUN number 0 is the host's own; instances have the numbers that FilterInstance names. */
export const HOST_TUN = 0;

export interface TunConfig {
  readonly tun: number;
  /** Interface name, at most 15 bytes: `p6n0` in every namespace. */
  readonly name: string;
  /** Path of the network namespace it is made in; undefined for the daemon's own. */
  readonly namespace: string | undefined;
  /** 1,280 to 9,000. That of HOST_TUN is also the limit of WireGuard's padding. */
  readonly mtu: number;
  /**
   * Whether interface and addresses outlive this process, for the next one to take them over.
   */
  readonly persistent?: boolean;
  /**
   * Whether somebody else moves and renames it while it is in use: name and namespace say where it
   * is found by a process that does not have it yet.
   */
  readonly movable?: boolean;
}
