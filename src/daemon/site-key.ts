// The site's signing key on a server: taken from the identity at start, and changed by
// `p6nctl site rotate`. A change that a crash interrupted is ended by the next start.
//
//   next key in the identity -> published -> everything signed anew -> next key is the key

import { fromBase64, toBase64, wipe } from '../base/bytes.ts';
import { P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { Registry } from '../registry/registry.ts';
import { generateSiteKeyPair } from '../registry/site.ts';
import type { Resigned } from '../registry/site-keys.ts';
import { SiteSigner } from '../registry/site-signer.ts';
import type { IdentityKeeper } from './identity-keeper.ts';
import { publishStep } from './steps.ts';

export interface SiteKeyDeskDependencies {
  readonly registry: Registry;
  readonly signer: SiteSigner;
  readonly keeper: IdentityKeeper;
  readonly random: Random;
  readonly logger: Logger;
}

export class SiteKeyDesk {
  readonly #dependencies: SiteKeyDeskDependencies;
  #rotating = false;

  constructor(dependencies: SiteKeyDeskDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Lets the signer have the key; signs the registry if a version without signatures wrote it, and
   * ends a change of the key that was begun.
   */
  async start(): Promise<void> {
    const { registry, signer, keeper, logger } = this.#dependencies;
    const { siteSecretKey, signed, nextSiteSecretKey } = keeper.current;
    withSecret(siteSecretKey, (secretKey) => signer.setKey(secretKey));
    if (signed !== true) {
      const hosts = await registry.siteKeys.signAll();
      await keeper.change({ signed: true });
      logger.info('registry signed', { hosts });
    }
    if (nextSiteSecretKey !== undefined) await this.#finish(nextSiteSecretKey);
  }

  /** Gives the site another key. Rejects with CHANGED_MEANWHILE while that is under way. */
  async rotate(): Promise<Resigned> {
    if (this.#rotating) {
      throw new P6nError('CHANGED_MEANWHILE', 'Cannot change the site key: that is under way', {
        hint: 'See with `p6nctl site show` when it is done.',
      });
    }
    this.#rotating = true;
    try {
      const { keeper, random } = this.#dependencies;
      const pair = generateSiteKeyPair(random);
      const nextSiteSecretKey = toBase64(pair.secretKey);
      wipe(pair.secretKey);
      await keeper.change({ nextSiteSecretKey });
      publishStep('site-key-drafted');
      return await this.#finish(nextSiteSecretKey);
    } finally {
      this.#rotating = false;
    }
  }

  async #finish(nextSiteSecretKey: string): Promise<Resigned> {
    const { registry, signer, keeper, logger } = this.#dependencies;
    const last = signer.publicKey;
    const next = new SiteSigner();
    withSecret(nextSiteSecretKey, (secretKey) => next.setKey(secretKey));
    try {
      await registry.siteKeys.publish(next);
    } finally {
      next.stop();
    }
    publishStep('site-key-published');
    withSecret(nextSiteSecretKey, (secretKey) => signer.setKey(secretKey));
    const resigned = await registry.siteKeys.resign(last);
    publishStep('site-key-used');
    await keeper.change({
      siteKey: signer.publicKey,
      siteSecretKey: nextSiteSecretKey,
      nextSiteSecretKey: undefined,
    });
    const { signed, refused } = resigned;
    logger.info('site key changed', { siteKey: signer.publicKey, signed });
    for (const key of refused) logger.warn('forged record is not signed', { key });
    return resigned;
  }
}

/** Uses a secret key in base64 as bytes, and wipes them. */
function withSecret(text: string | undefined, use: (secretKey: Uint8Array) => void): void {
  const secretKey = text === undefined ? undefined : fromBase64(text);
  if (secretKey === undefined) {
    throw new P6nError('STATE_CORRUPT', "Cannot serve: this server lacks the site's signing key", {
      hint: 'Restore its identity from a backup.',
    });
  }
  use(secretKey);
  wipe(secretKey);
}
