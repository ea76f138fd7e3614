// What the poller calls the sources of the loop. TUNs go by their own numbers, which all are below.

/** The wake-up by other threads. */
export const WAKE_TOKEN = 0xffff_ffff;
/** Sockets that tell of changes of the machine. */
export const NEWS_TOKEN = 0xffff_fffe;
/** The first of the UDP sockets: those of the mesh, then those of the gateway. */
const UDP_TOKEN_MIN = 0xffff_ff00;
/** The number of the gateway's first socket. */
export const GATEWAY_SOCKETS = 0x80;

/** Of UDP socket number `socket`. */
export function udpToken(socket: number): number {
  return UDP_TOKEN_MIN + socket;
}

/** The number of a UDP socket; negative for a TUN. */
export function socketOf(token: number): number {
  return token - UDP_TOKEN_MIN;
}
