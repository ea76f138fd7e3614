// The simulated site: which host has an instance in which network, the same for all processes.

/** How large the site is. */
export interface SiteSize {
  readonly hosts: number;
  readonly networks: number;
  readonly instances: number;
  /** Over how many hosts the instances of a network are spread. */
  readonly hostsPerNetwork: number;
}

/** A host of the site: what it proves itself with, and what it follows. */
export interface SimulatedHost {
  readonly id: number;
  readonly secret: string;
  /** Ids. */
  readonly networks: readonly number[];
}

/** The whole of a network in two numbers that every change moves. */
export interface NetworkDigest {
  readonly instances: number;
  /** The sum of how often each was written. */
  readonly writes: number;
}

export type SiteDigest = Readonly<Record<number, NetworkDigest>>;

/** The key in the metadata that counts how often an instance was written. */
export const WRITES_KEY = 'writes';

/** The number of the host that the `n`th instance is on, and that of its network. */
export function placeOf(n: number, size: SiteSize): { host: number; network: number } {
  const network = n % size.networks;
  const turn = Math.floor(n / size.networks) % size.hostsPerNetwork;
  return { network, host: (network * 7 + turn * 13) % size.hosts };
}

/** The address that a host has on the loopback, of which all of 127.0.0.0/8 is there. */
export function loopbackOf(hostId: number): string {
  const number = hostId - 0x1_0000;
  return `127.1.${number >> 8}.${number & 0xff}`;
}
