// What the packet filter is told: this host, the other hosts' regions, and the networks, instances
// and WireGuard peers that are here. What is not in it does not pass.

import type { HostId, InstanceId, NetworkId } from '../addressing/ids.ts';
import type { Ipv6Address } from '../ip/ipv6-address.ts';

export interface FilterConfig {
  /** Undefined while this host is joining and has no id yet. */
  readonly hostId: HostId | undefined;
  readonly region: string;
  /**
   * Addresses of this host on `p6n0` beyond those that follow from its id (`fdaa:0:0:H:H::1` and
   * its presence in each network of `networks`): the invite's address while it joins.
   */
  readonly extraHostAddresses: readonly Ipv6Address[];
  /**
   * Whether this host serves the registry on port 6600 (to hosts) and enrolment on 6601 (to
   * invites).
   */
  readonly server: boolean;
  /** All hosts of the site and their regions, this one included once it has joined. */
  readonly hosts: readonly FilterHost[];
  /** The networks with an instance or a WireGuard peer here. */
  readonly networks: readonly FilterNetwork[];
  readonly instances: readonly FilterInstance[];
  readonly wireguardPeers: readonly FilterWireguardPeer[];
}

export interface FilterHost {
  readonly id: HostId;
  readonly region: string;
}

export interface FilterNetwork {
  readonly id: NetworkId;
  /** Packets of a region-scoped network pass only between hosts of one region. */
  readonly regionScoped: boolean;
}

/** A running instance of this host. */
export interface FilterInstance {
  readonly network: NetworkId;
  readonly instance: InstanceId;
  /**
   * The number of its TUN in the data plane: the ingress it proves and the egress it is reached by.
   */
  readonly tun: number;
}

/** A laptop or, in network 0, an invite behind this host. */
export interface FilterWireguardPeer {
  readonly network: NetworkId;
  /** The `n` of its address `fdaa:N:N:H:H:0:a:n`. */
  readonly peer: number;
}
