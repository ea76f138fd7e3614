// What connections a client makes for its calls.

import { Agent } from 'node:http';

/** Calls one after the other need no more; those at the same time have connections of their own. */
const IDLE_CONNECTIONS_MAX = 1;

/** For calls; streams have connections of their own. */
export interface Connections {
  readonly agent: Agent;
  /** Beside those of the call. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * They are kept between calls: a connection costs a server more than what is asked on it. For calls
 * that may be done twice, as one may meet a connection that the server is closing at that moment.
 */
export class KeptConnections implements Connections {
  /** Closes idle connections before the server does, by what the server says of itself. */
  readonly agent: Agent = new Agent({ keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS_MAX });
  readonly headers = {};
}

/** A part of those that a server gives a host, which needs some itself. */
const CONNECTIONS_MAX = 16;

/** So many at a time and no more, for what others ask through this host; the next one waits. */
export class FewConnections implements Connections {
  readonly agent: Agent = new Agent({ maxSockets: CONNECTIONS_MAX });
  /** One that waits does not get the connection of one before: it may not be done twice. */
  readonly headers = { connection: 'close' };
}
