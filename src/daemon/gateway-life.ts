// What a host does as a gateway: it makes its key when the first WireGuard peer comes, and tells
// the site by which key and where it serves them.

import { isDeepStrictEqual } from 'node:util';
import type { HostLedger } from '../agent/host-ledger.ts';
import type { GatewayUpdate } from '../api/contract/wireguard.ts';
import { toBase64 } from '../base/bytes.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import { formatHostPort, parseHostPort } from '../ip/host-port.ts';
import type { Gateway } from '../registry/model.ts';
import { Announcer } from './announcer.ts';
import type { GatewayKey } from './gateway-key.ts';
import type { IdentityKeeper } from './identity-keeper.ts';

export interface GatewayLifeDependencies {
  readonly keeper: Pick<IdentityKeeper, 'current'>;
  readonly key: GatewayKey;
  readonly ledger: Pick<HostLedger, 'current'>;
  readonly announce: (update: GatewayUpdate) => Promise<void>;
  /** There is a key that was not there before. */
  readonly onKey: () => void;
  readonly random: Random;
  readonly logger: Logger;
}

export class GatewayLife {
  readonly #dependencies: GatewayLifeDependencies;
  readonly #endpoints: readonly string[];
  readonly #announcer: Announcer<GatewayUpdate>;

  constructor(dependencies: GatewayLifeDependencies, endpoints: readonly string[]) {
    this.#dependencies = dependencies;
    this.#endpoints = endpoints;
    const { announce, random, logger } = dependencies;
    this.#announcer = new Announcer({ due: () => this.#due(), announce, random, logger });
  }

  /** What is known of this host may have changed. */
  look(): void {
    void this.#look();
  }

  stop(): void {
    this.#announcer.stop();
  }

  async #look(): Promise<void> {
    const { key, onKey, logger } = this.#dependencies;
    const isNeeded = (this.#record()?.networks.length ?? 0) > 0;
    if (isNeeded && key.current === undefined) {
      try {
        await key.make();
      } catch (error) {
        logger.error('key of the gateway is not kept', { error: String(error) });
        return;
      }
      onKey();
    }
    await this.#announcer.look();
  }

  #due(): GatewayUpdate | undefined {
    const record = this.#record();
    const own = this.#dependencies.key.current;
    if (own === undefined || record === undefined) return undefined;
    const publicKey = toBase64(own.publicKey);
    const endpoints = this.#endpoints;
    const isKnown =
      record.key?.publicKey === publicKey && isDeepStrictEqual(record.key.endpoints, endpoints);
    return isKnown ? undefined : { public_key: publicKey, endpoints };
  }

  #record(): Gateway | undefined {
    const { keeper, ledger } = this.#dependencies;
    const { hostId } = keeper.current;
    return [...(ledger.current().gateways ?? [])].find(({ host }) => host === hostId);
  }
}

/** The endpoints of a host with another port: what reaches the one reaches the other. */
export function withPort(endpoints: readonly string[], port: number): readonly string[] {
  const hosts = endpoints.flatMap((text) => parseHostPort(text)?.host ?? []);
  return [...new Set(hosts)].map((host) => formatHostPort({ host, port }));
}
