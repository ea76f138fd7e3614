// Keeps the servers of the site in this host's identity as the copy last named them: the copy may
// be damaged freely, and a host that has lost it must still find a server, also one that has moved
// since it joined.

import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../base/logger.ts';
import type { Host } from '../registry/model.ts';
import type { ServerPeer } from './identity.ts';
import type { IdentityKeeper } from './identity-keeper.ts';

export class ServerKeeper {
  readonly #keeper: IdentityKeeper;
  readonly #logger: Logger;
  #servers: readonly ServerPeer[];
  #writing: Promise<void> = Promise.resolve();

  constructor(dependencies: { readonly keeper: IdentityKeeper; readonly logger: Logger }) {
    this.#keeper = dependencies.keeper;
    this.#logger = dependencies.logger;
    this.#servers = this.#keeper.current.servers;
  }

  /** Writes the identity when the servers among `hosts` are others than those in it. */
  look(hosts: readonly Host[]): void {
    const servers = hosts.filter(({ role }) => role === 'server').map(serverPeer);
    if (servers.length === 0 || isDeepStrictEqual(servers, this.#servers)) return;
    this.#servers = servers;
    this.#writing = this.#writing
      .then(() => this.#keeper.change({ servers }))
      .catch((error: unknown) => {
        // The next look tries again.
        this.#servers = this.#keeper.current.servers;
        this.#logger.warn('servers are not kept', { error: String(error) });
      });
  }

  /** Resolves when what was seen is durable. */
  async stop(): Promise<void> {
    await this.#writing;
  }
}

export function serverPeer({ id, region, publicKey, endpoints }: Host): ServerPeer {
  return { hostId: id, region, publicKey, endpoints };
}
