// How a server asks another one for the key that signs for the site: through the tunnel between
// them, as enrolment hands it out, so that it is never in the registry.

import type { HostId } from '../addressing/ids.ts';
import type { SiteKeySecret } from '../api/contract/site.ts';
import { toHex, wipe } from '../base/bytes.ts';
import { type Random, randomBytes } from '../base/random.ts';
import type { Registry } from '../registry/registry.ts';
import type { IdentityKeeper } from './identity-keeper.ts';
import { meshClient } from './mesh-client.ts';

const SECRET_BYTES = 32;

export interface SiteKeyAskerDependencies {
  readonly registry: Pick<Registry, 'setHostSecret'>;
  readonly keeper: IdentityKeeper;
  readonly random: Random;
}

export class SiteKeyAsker {
  readonly #dependencies: SiteKeyAskerDependencies;

  constructor(dependencies: SiteKeyAskerDependencies) {
    this.#dependencies = dependencies;
  }

  /** Rejects as calls of ApiClient do. */
  async ask(server: HostId): Promise<SiteKeySecret> {
    const secret = await this.#secret();
    const { hostId: host } = this.#dependencies.keeper.current;
    return await meshClient(server, { host, secret }).self.siteKey();
  }

  /** What proves this p6nd to others. The founder was given none, and gives itself one. */
  async #secret(): Promise<string> {
    const { registry, keeper, random } = this.#dependencies;
    const { hostId, secret, invite } = keeper.current;
    if (secret !== undefined && invite !== undefined) return secret;
    const own = secret ?? freshSecret(random);
    if (secret === undefined) await keeper.change({ secret: own });
    await registry.setHostSecret(hostId, own);
    return own;
  }
}

function freshSecret(random: Random): string {
  const bytes = randomBytes(random, SECRET_BYTES);
  const secret = toHex(bytes);
  wipe(bytes);
  return secret;
}
