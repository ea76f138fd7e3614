// Connections of programs of this machine, each carried on to an instance from this host's own
// address in its network.

import { connect, createServer, type ListenOptions, type Server, type Socket } from 'node:net';

/** Connections at a time; more are refused. */
export const CONNECTIONS_MAX = 1_024;
const CONNECT_TIMEOUT_MS = 10_000;
/** A unix socket is for whoever may use p6nctl. */
const SOCKET_MASK = 0o177;

export interface RelayTarget {
  /** Where the next flow goes, in the order to be tried. */
  readonly resolve: () => Promise<readonly string[]>;
  readonly port: number;
  /** The address to send from. */
  readonly source: string;
  /** Hears why a flow came to nothing. */
  readonly onFailed: (error: unknown) => void;
}

/** Listens until the server is closed; rejects where it cannot. */
export async function relayTcp(listen: ListenOptions, target: RelayTarget): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (client) => void carry(client, target));
  server.maxConnections = CONNECTIONS_MAX;
  // The mask keeps others out from the making of the socket on.
  const mask = listen.path === undefined ? undefined : process.umask(SOCKET_MASK);
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(listen, resolve);
  });
  if (mask !== undefined) process.umask(mask);
  await listening;
  return server;
}

async function carry(client: Socket, target: RelayTarget): Promise<void> {
  client.on('error', () => client.destroy()).pause();
  try {
    const remote = await reach(target);
    // Who has gone meanwhile closes no second time.
    if (client.destroyed) {
      remote.destroy();
      return;
    }
    remote.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.on('close', () => remote.destroy());
    client.pipe(remote);
    remote.pipe(client);
  } catch (error) {
    client.destroy();
    target.onFailed(error);
  }
}

/** The first address that takes the connection. */
async function reach({ resolve, port, source }: RelayTarget): Promise<Socket> {
  let failure: unknown;
  for (const host of await resolve()) {
    try {
      return await dial(host, port, source);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function dial(host: string, port: number, source: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const words = { host, port, localAddress: source, family: 6, allowHalfOpen: true };
    const socket = connect({ ...words, timeout: CONNECT_TIMEOUT_MS });
    socket.once('error', reject);
    socket.once('timeout', () => socket.destroy(new Error(`${host} does not answer`)));
    socket.once('connect', () => {
      socket.removeAllListeners('error').removeAllListeners('timeout').setTimeout(0);
      resolve(socket);
    });
  });
}
