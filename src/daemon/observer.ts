// What a server sees of where hosts are: the source of their datagrams, when it is none of the
// endpoints that they tell of. Behind a NAT that is where others can try to reach them.

import type { HostId } from '../addressing/ids.ts';
import type { HostLedger } from '../agent/host-ledger.ts';
import type { Logger } from '../base/logger.ts';
import type { PeerStatus } from '../dataplane/dataplane.ts';
import { formatHostPort } from '../ip/host-port.ts';
import type { Host } from '../registry/model.ts';
import type { Registry } from '../registry/registry.ts';

/** What roams and handshakes within that time is looked at together, milliseconds. */
const DELAY_MS = 250;
/** A peer whose last handshake is older is nowhere for certain. */
const SESSION_MS = 180_000;

export interface ObserverDependencies {
  readonly registry: Pick<Registry, 'noteObserved'>;
  readonly ledger: Pick<HostLedger, 'current'>;
  readonly peers: () => Promise<readonly PeerStatus[]>;
  readonly wallNow: () => number;
  readonly logger: Logger;
}

export class Observer {
  readonly #dependencies: ObserverDependencies;
  readonly #server: HostId;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** `server` is this host. */
  constructor(dependencies: ObserverDependencies, server: HostId) {
    this.#dependencies = dependencies;
    this.#server = server;
  }

  /** A peer may be elsewhere than before. */
  look(): void {
    if (this.#stopped) return;
    this.#timer ??= setTimeout(() => void this.#observe(), DELAY_MS).unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #observe(): Promise<void> {
    this.#timer = undefined;
    const { ledger, registry, logger } = this.#dependencies;
    try {
      const places = await this.#places();
      for (const host of ledger.current().hosts) {
        const place = places.get(host.publicKey);
        if (place === undefined || host.id === this.#server) continue;
        const observed = host.endpoints.includes(place) ? undefined : place;
        if (this.#isKnown(host, observed)) continue;
        await registry.noteObserved(host.id, this.#server, observed);
      }
    } catch (error) {
      logger.warn('places of hosts are not noted', { error: String(error) });
    }
  }

  #isKnown({ observed = {} }: Host, place: string | undefined): boolean {
    return observed[this.#server] === place;
  }

  /** Where each peer with a session is, by its public key. */
  async #places(): Promise<ReadonlyMap<string, string>> {
    const { peers, wallNow } = this.#dependencies;
    const now = wallNow();
    const places = new Map<string, string>();
    for (const { publicKey, endpoint, lastHandshakeAt } of await peers()) {
      if (endpoint === undefined || lastHandshakeAt === undefined) continue;
      if (now - lastHandshakeAt >= SESSION_MS) continue;
      places.set(publicKey, formatHostPort({ host: endpoint.address, port: endpoint.port }));
    }
    return places;
  }
}
