// One UDP socket of the server: datagrams in, datagrams out, nothing kept in between. Node.js tells
// when one has come; what waits behind it is answered in batches.

import { createSocket, type Socket } from 'node:dgram';
import type { NetworkId } from '../addressing/ids.ts';
import type { DeviceSockets } from '../os/sockets.ts';
import { lookupAddress } from './exchange.ts';
import type { NameserverCounters } from './metrics.ts';
import type { Responder, Response } from './responder.ts';

export interface UdpListenerOptions {
  /** A bound UDP socket over IPv6; the listener owns it from here on. */
  readonly fd: number;
  /** The network whose server this is; 0 for fdaa::3. */
  readonly network: NetworkId;
  readonly counters: NameserverCounters;
  readonly drain: DeviceSockets['drainUdp'];
  /** Told of what the socket reports by itself, which is no end of it. */
  readonly onError: (error: Error) => void;
}

export class UdpListener {
  readonly #socket: Socket;
  readonly #responder: Responder;
  readonly #options: UdpListenerOptions;
  #open = true;
  /** Whether what waits was answered in this turn of the event loop. */
  #drained = false;

  private constructor(socket: Socket, responder: Responder, options: UdpListenerOptions) {
    this.#socket = socket;
    this.#responder = responder;
    this.#options = options;
    socket.on('message', (bytes, remote) => {
      this.#send(this.#answer(bytes, remote.address, remote.port), remote.address, remote.port);
      this.#drain();
    });
    socket.on('error', options.onError);
  }

  static async start(responder: Responder, options: UdpListenerOptions): Promise<UdpListener> {
    const socket = createSocket({ type: 'udp6', lookup: lookupAddress as never });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close();
        reject(error);
      });
      socket.bind({ fd: options.fd }, () => {
        socket.removeAllListeners('error');
        resolve();
      });
    });
    return new UdpListener(socket, responder, options);
  }

  stop(): Promise<void> {
    this.#open = false;
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  /**
   * Once a turn: Node.js reads on while there are datagrams, so who sends without a pause would
   * otherwise keep everybody else of this thread waiting.
   */
  #drain(): void {
    const { counters, drain, fd } = this.#options;
    if (!this.#open || this.#drained) return;
    this.#drained = true;
    setImmediate(this.#endTurn);
    counters.sendFailures += drain(fd, this.#answer);
  }

  readonly #endTurn = (): void => {
    this.#drained = false;
  };

  /** The answer that is ready at once; one that is not is sent when it is. */
  readonly #answer = (bytes: Uint8Array, address: string, port: number): Response => {
    const source = this.#responder.findSource(address);
    if (source === undefined || !this.#responder.admit(source)) return undefined;
    const response = this.#responder.respond(bytes, source, this.#options.network, 'udp');
    if (!(response instanceof Promise)) return response;
    void response.then((later) => this.#send(later, address, port));
    return undefined;
  };

  #send(response: Response, address: string, port: number): void {
    if (response === undefined || !this.#open || port === 0) return;
    // Node.js may keep it for later, and the next answer stands in the same memory.
    this.#socket.send(response.slice(), port, address, this.#sent);
  }

  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#options.counters.sendFailures += 1;
  };
}
