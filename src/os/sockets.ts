// Sockets that Node.js cannot make by itself: bound to one interface, and to addresses that need
// not exist yet.

import type { Ipv6Address } from '../ip/ipv6-address.ts';

export interface BoundAddress {
  /** The interface that all of the socket's traffic goes through: `p6n0`. */
  readonly device: string;
  readonly address: Ipv6Address;
  readonly port: number;
}

/**
 * The first two return a bound, non-blocking descriptor for `server.listen({ fd })` or
 * `socket.bind({ fd })`, which closes it with the server. A neighbour on the LAN that sends packets
 * for the address through a network card does not reach it. Throws PORT_TAKEN, NO_IPV6, NOT_ROOT,
 * or SYSTEM (no such interface).
 */
export interface DeviceSockets {
  listenTcp(at: BoundAddress): number;
  bindUdp(at: BoundAddress): number;
  /**
   * Answers the datagrams that wait on a socket of bindUdp() in batches, each by what `answer`
   * returns; `bytes` are good for as long as that call. Returns how many answers the kernel did not
   * take.
   */
  drainUdp(
    fd: number,
    answer: (bytes: Uint8Array, address: Ipv6Address, port: number) => Uint8Array | undefined,
  ): number;
}
