// Addresses and routes of interfaces, as a port: says how an interface shall be, and whatever
// differs is changed.

import type { Ipv6Address } from '../ip/ipv6-address.ts';

export interface LinkAddress {
  readonly address: Ipv6Address;
  /**
   * False for preferred_lft 0: the kernel never picks the address as a source by itself.
   */
  readonly preferred: boolean;
}

/** An interface as it shall be. */
export interface LinkSettings {
  /** Path of its network namespace; undefined for the daemon's own. */
  readonly namespace: string | undefined;
  readonly name: string;
  readonly mtu: number;
  /** Each with prefix length 128. */
  readonly addresses: readonly LinkAddress[];
  /** Prefixes in text that lead to the interface. */
  readonly routes: readonly string[];
  /**
   * Whether the addresses answer through this interface alone: a packet for them that comes through
   * another card is not delivered. For one interface of a namespace.
   */
  readonly exclusive: boolean;
}

export interface RouteEntry {
  /** `fdaa::/16`; an address with /128; `default` for everything. */
  readonly prefix: string;
  /** Undefined for a route to nowhere (blackhole, unreachable). */
  readonly device: string | undefined;
}

export interface Links {
  /**
   * Brings an existing interface up with exactly these global IPv6 addresses and these routes, and
   * the loopback interface of a namespace that is not the daemon's own. Changes nothing that is
   * right already; resolves with the number of changes. Calls for one interface are not made at the
   * same time. Rejects with NAMESPACE_INVALID, NO_IPV6, or COMMAND_FAILED (no such interface, no
   * permission); what was changed before stays, and calling again finishes it.
   */
  configure(link: LinkSettings): Promise<number>;
  /** Whether a process holds the TUN interface `name` in the daemon's namespace. */
  isHeld(name: string): Promise<boolean>;
  /** The name of the interface with `address`, or undefined when there is none. */
  find(namespace: string, address: Ipv6Address): Promise<string | undefined>;
  /** Removes the interface `name`; where there is none, nothing happens. */
  remove(namespace: string | undefined, name: string): Promise<void>;
  /** Undoes what `exclusive` has set up besides the interface itself, in the daemon's namespace. */
  releaseExclusive(name: string): Promise<void>;
  /** All IPv6 routes of the main table. */
  routes(namespace: string | undefined): Promise<readonly RouteEntry[]>;
}
