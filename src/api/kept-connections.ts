// Connections that a client keeps between its calls: a connection costs a server more than what is
// asked on it. For calls that may be done twice, as one may meet a connection that the server is
// closing at that moment.

import { Agent } from 'node:http';

/** Calls one after the other need no more; those at the same time have connections of their own. */
const IDLE_CONNECTIONS_MAX = 1;

export class KeptConnections {
  /** Closes idle connections before the server does, by what the server says of itself. */
  readonly agent: Agent = new Agent({ keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS_MAX });
}
