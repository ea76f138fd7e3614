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
 * Both return a bound, non-blocking descriptor for `server.listen({ fd })` or `socket.bind({ fd
 * })`, which closes it with the server. A neighbour on the LAN that sends packets for the address
 * through a network card does not reach it. Throws PORT_TAKEN, NO_IPV6, NOT_ROOT, or SYSTEM (no
 * such interface).
 */
export interface DeviceSockets {
  listenTcp(at: BoundAddress): number;
  bindUdp(at: BoundAddress): number;
}
