// The API inside the networks: a listener on `fdaa:N:N::3` for each network of this host, all of
// them before one server. Who asks is known by his source address, so it is no matter by which of
// them he comes.

import { createServer, type Server } from 'node:net';
import { INFRASTRUCTURE_NETWORK } from '../../addressing/ids.ts';
import { classifyAddress } from '../../addressing/layout.ts';
import { API_PORT } from '../../addressing/ports.ts';
import type { NamesPort } from '../../agent/ports.ts';
import type { ApiServer } from '../../api/http-server.ts';
import type { Stoppable } from '../../base/lifecycle.ts';
import type { Logger } from '../../base/logger.ts';
import type { Ipv6Address } from '../../ip/ipv6-address.ts';
import type { DeviceSockets } from '../../os/sockets.ts';
import { HOST_DEVICE } from '../machine.ts';

export interface NetworkDoorDependencies {
  readonly sockets: Pick<DeviceSockets, 'listenTcp'>;
  readonly logger: Logger;
}

export class NetworkDoor implements Stoppable {
  readonly #dependencies: NetworkDoorDependencies;
  readonly #listeners = new Map<Ipv6Address, Server>();
  #wanted: readonly Ipv6Address[] = [];
  #api: Pick<ApiServer, 'take'> | undefined;

  constructor(dependencies: NetworkDoorDependencies) {
    this.#dependencies = dependencies;
  }

  /** Names with the door beside them: it listens wherever they are served in a network. */
  beside(names: NamesPort): NamesPort {
    return {
      setZone: (zone) => names.setZone(zone),
      setListeners: async (addresses) => {
        this.#wanted = addresses.filter(isOfNetwork);
        this.#listen();
        await names.setListeners(addresses);
      },
    };
  }

  /** Packets and names come first: until this is called nobody listens. */
  open(api: Pick<ApiServer, 'take'>): void {
    this.#api = api;
    this.#listen();
  }

  stop(): void {
    this.#api = undefined;
    this.#wanted = [];
    this.#listen();
  }

  #listen(): void {
    for (const [address, server] of this.#listeners) {
      if (this.#wanted.includes(address)) continue;
      server.close();
      this.#listeners.delete(address);
    }
    const api = this.#api;
    if (api === undefined) return;
    for (const address of this.#wanted) {
      if (!this.#listeners.has(address)) this.#open(address, api);
    }
  }

  /** A port that somebody else has costs this network its API, and nothing else. */
  #open(address: Ipv6Address, api: Pick<ApiServer, 'take'>): void {
    const { logger, sockets } = this.#dependencies;
    const failed = (error: unknown): void => {
      this.#listeners.delete(address);
      logger.warn('API of a network is not served', { address, error: String(error) });
    };
    try {
      const fd = sockets.listenTcp({ device: HOST_DEVICE, address, port: API_PORT });
      const server = createServer((socket) => api.take(socket)).on('error', failed);
      this.#listeners.set(address, server);
      server.listen({ fd });
    } catch (error) {
      failed(error);
    }
  }
}

function isOfNetwork(address: Ipv6Address): boolean {
  const kind = classifyAddress(address);
  return kind?.kind === 'nameserver' && kind.network !== INFRASTRUCTURE_NETWORK;
}
