// One listening TCP socket of the server, and the number of connections over all of them.

import { createServer, type Server, type Socket } from 'node:net';
import type { NetworkId } from '../addressing/ids.ts';
import { mayHoldMore } from '../base/fair-share.ts';
import type { NameserverCounters } from './metrics.ts';
import type { Responder } from './responder.ts';
import { TcpConnection, type TcpLimits } from './tcp-connection.ts';

/** Connections of all listeners, as one number that they share. */
export interface ConnectionCount {
  open: number;
}

export interface TcpListenerOptions {
  /** A bound TCP socket over IPv6, listening or not; the listener owns it from here on. */
  readonly fd: number;
  /** The network whose server this is; 0 for fdaa::3. */
  readonly network: NetworkId;
  readonly limits: TcpLimits;
  readonly connections: ConnectionCount;
  readonly counters: NameserverCounters;
  /** Told of what the socket reports by itself, which is no end of it. */
  readonly onError: (error: Error) => void;
}

export class TcpListener {
  readonly #server: Server;
  readonly #responder: Responder;
  readonly #options: TcpListenerOptions;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, responder: Responder, options: TcpListenerOptions) {
    this.#server = server;
    this.#responder = responder;
    this.#options = options;
    server.on('connection', (socket) => this.#accept(socket));
    server.on('error', options.onError);
  }

  static async start(responder: Responder, options: TcpListenerOptions): Promise<TcpListener> {
    // A client may close its side behind its questions and still await the answers.
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const listener = new TcpListener(server, responder, options);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ fd: options.fd }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    return listener;
  }

  /** Closes the listener and its connections. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  #accept(socket: Socket): void {
    const { limits, connections, counters, network } = this.#options;
    const source = this.#responder.findSource(socket.remoteAddress ?? '');
    if (source === undefined) {
      socket.destroy();
      return;
    }
    const free = limits.connectionsMax - connections.open;
    if (!mayHoldMore(source.connections, limits.connectionsPerSourceMax, free)) {
      counters.tcpConnectionsRefused += 1;
      socket.destroy();
      return;
    }
    counters.tcpConnections += 1;
    connections.open += 1;
    source.connections += 1;
    this.#sockets.add(socket);
    socket.on('close', () => {
      connections.open -= 1;
      source.connections -= 1;
      this.#sockets.delete(socket);
    });
    new TcpConnection(socket, { responder: this.#responder, source, network, limits, counters });
  }
}
