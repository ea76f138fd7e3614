// The ports that this host serves on `p6n0`. The filter lets nothing else in, and the listeners are
// bound to the same numbers.

/** The name server, UDP and TCP, on `fdaa::3` and `fdaa:N:N::3`. */
export const NAMESERVER_PORT = 53;
/** The API for instances and WireGuard peers, TCP, on `fdaa:N:N::3`. */
export const API_PORT = 4280;
/** A server's registry for hosts, TCP, on the host's own address. */
export const SERVER_PORT = 6600;
/** A server's enrolment for invites, TCP, on the host's own address. */
export const ENROLMENT_PORT = 6601;
