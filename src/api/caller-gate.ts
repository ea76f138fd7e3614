// Connections from the address of a host. Several users share it, so those who have proved nothing
// take no place from those who have, and keep nobody from proving who it is.

import type { Server, Socket } from 'node:net';

export interface CallerLimits {
  /** Connections of one source by callers that have proved who they are. */
  readonly provedMax: number;
  /** And by callers that have not; the oldest of them makes room for the next. */
  readonly unprovedMax: number;
}

interface Connections {
  readonly proved: Set<Socket>;
  /** The one that came last stands last. */
  readonly unproved: Set<Socket>;
}

export class CallerGate {
  readonly #limits: CallerLimits;
  readonly #sources = new Map<string, Connections>();

  constructor(server: Server, limits: CallerLimits) {
    this.#limits = limits;
    server.on('connection', (socket: Socket) => this.#enter(socket));
  }

  /** The caller has proved who it is; one connection too many of such callers is ended. */
  prove(socket: Socket): void {
    const source = this.#sources.get(socket.remoteAddress ?? '');
    if (source === undefined || !source.unproved.delete(socket)) return;
    if (source.proved.size >= this.#limits.provedMax) socket.destroy();
    else source.proved.add(socket);
  }

  #enter(socket: Socket): void {
    const address = socket.remoteAddress;
    if (address === undefined) return;
    const source = this.#sources.get(address) ?? { proved: new Set(), unproved: new Set() };
    this.#sources.set(address, source);
    const [oldest] = source.unproved;
    if (oldest !== undefined && source.unproved.size >= this.#limits.unprovedMax) {
      oldest.destroy();
      // Its end is told later, and others may come before.
      source.unproved.delete(oldest);
    }
    source.unproved.add(socket);
    socket.once('close', () => {
      source.proved.delete(socket);
      source.unproved.delete(socket);
      if (source.proved.size + source.unproved.size === 0) this.#sources.delete(address);
    });
  }
}
