// Keeps the servers of the site in this host's identity as the copy last named them: the copy may
// be damaged freely, and a host that has lost it must still find a server, also one that has moved
// since it joined.

import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../base/logger.ts';
import type { Host } from '../registry/model.ts';
import type { Identity, IdentityFiles, ServerPeer } from './identity.ts';

export class ServerKeeper {
  readonly #files: IdentityFiles;
  readonly #logger: Logger;
  #identity: Identity;
  #writing: Promise<void> = Promise.resolve();

  constructor(
    dependencies: { readonly files: IdentityFiles; readonly logger: Logger },
    identity: Identity,
  ) {
    this.#files = dependencies.files;
    this.#logger = dependencies.logger;
    this.#identity = identity;
  }

  /** Writes the identity when the servers among `hosts` are others than those in it. */
  look(hosts: readonly Host[]): void {
    const servers = hosts.filter(({ role }) => role === 'server').map(serverPeer);
    if (servers.length === 0 || isDeepStrictEqual(servers, this.#identity.servers)) return;
    const identity = { ...this.#identity, servers };
    this.#identity = identity;
    this.#writing = this.#writing
      .then(() => this.#files.write(identity))
      .catch((error: unknown) => {
        this.#logger.warn('servers are not kept', { error: String(error) });
      });
  }

  /** Resolves when what was seen is durable. */
  async stop(): Promise<void> {
    await this.#writing;
  }
}

function serverPeer({ id, region, publicKey, endpoints }: Host): ServerPeer {
  return { hostId: id, region, publicKey, endpoints };
}
