// The site's signing key on a server: taken from the identity at start, changed by `p6nctl site
// rotate`, and asked of another server when that one has changed it. Nothing here is needed for
// packets, so nothing here keeps p6nd from starting: what fails is tried again.
//
//   next key in the identity -> published -> everything signed anew -> next key is the key
//
// On the other servers the key that signs is an old one from "published" on. They see it by the
// chain of keys that every host follows, sign nothing meanwhile, and ask for the new one.

import type { HostId } from '../addressing/ids.ts';
import type { Timers } from '../agent/ports.ts';
import { Rounds } from '../agent/rounds.ts';
import type { SiteKeySecret } from '../api/contract/site.ts';
import { fromBase64, toBase64, wipe } from '../base/bytes.ts';
import { P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { Host } from '../registry/model.ts';
import type { Registry } from '../registry/registry.ts';
import { generateSiteKeyPair } from '../registry/site.ts';
import type { Resigned } from '../registry/site-keys.ts';
import { SiteSigner } from '../registry/site-signer.ts';
import type { IdentityKeeper } from './identity-keeper.ts';
import { publishStep } from './steps.ts';

const RETRY = { minMs: 500, maxMs: 30_000 } as const;

/** What this host believes of its site, whatever the registry says. */
export interface BelievedSite {
  /** The key that the chain of keys leads to, base64. */
  readonly siteKey: string;
  readonly hosts: readonly Host[];
  /** Hosts that were removed, for good. */
  readonly removed: ReadonlySet<HostId>;
  /** The registry that was followed last; one that was restored or imported is another one. */
  readonly incarnation: string | undefined;
}

export interface SiteKeyDeskDependencies {
  readonly registry: Pick<Registry, 'custody' | 'findSite' | 'siteKeys'>;
  readonly signer: SiteSigner;
  readonly keeper: IdentityKeeper;
  readonly believed: () => BelievedSite;
  /** Asks another server of the site for the key that signs. */
  readonly ask: (server: HostId) => Promise<SiteKeySecret>;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
}

export class SiteKeyDesk {
  readonly #dependencies: SiteKeyDeskDependencies;
  readonly #rounds: Rounds;
  /** What is done with the key, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #rotating = false;
  /** The incarnation of the registry that was looked at for what it has lost. */
  #mended: string | undefined;

  constructor(dependencies: SiteKeyDeskDependencies) {
    this.#dependencies = dependencies;
    const { timers, random } = dependencies;
    this.#rounds = new Rounds({ round: () => this.#round(), timers, random }, RETRY);
  }

  /**
   * Lets the signer have the key. In the background it signs the registry if a version without
   * signatures wrote it, and ends a change of the key that was begun. Throws STATE_CORRUPT.
   */
  start(): void {
    const { signer, keeper } = this.#dependencies;
    withSecret(keeper.current.siteSecretKey, (secretKey) => signer.setKey(secretKey));
    this.#rounds.trigger();
  }

  /** What is believed of the site may have changed. */
  look(): void {
    const { believed, signer } = this.#dependencies;
    const { incarnation, siteKey } = believed();
    if (siteKey !== signer.publicKey || incarnation !== this.#mended) this.#rounds.trigger();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /**
   * Gives the site another key; one that was begun and not ended is ended instead, as records may
   * bear its signature. Rejects with CHANGED_MEANWHILE while that is under way.
   */
  async rotate(): Promise<Resigned> {
    if (this.#rotating) {
      throw new P6nError('CHANGED_MEANWHILE', 'Cannot change the site key: that is under way', {
        hint: 'See with `p6nctl site show` when it is done.',
      });
    }
    this.#rotating = true;
    try {
      return await this.#alone(async () => {
        if (this.#dependencies.keeper.current.nextSiteSecretKey === undefined) await this.#begin();
        return await this.#finish();
      });
    } finally {
      this.#rotating = false;
      this.#rounds.trigger();
    }
  }

  /**
   * The key for another server. Rejects with NOT_PERMITTED for a host that is no server by the word
   * of the site's key, and with CHANGED_MEANWHILE while the key is being changed.
   */
  handOver(host: HostId): Promise<SiteKeySecret> {
    return this.#alone(() => {
      const { believed, keeper, logger, signer } = this.#dependencies;
      const asking = believed().hosts.find(({ id }) => id === host);
      if (asking?.role !== 'server') {
        throw new P6nError('NOT_PERMITTED', 'Cannot hand over the site key: it is for servers');
      }
      const { secretKey, publicKey } = signer;
      if (secretKey === undefined || keeper.current.nextSiteSecretKey !== undefined) {
        throw new P6nError('CHANGED_MEANWHILE', 'Cannot hand over the site key: it is changing');
      }
      logger.info('site key handed to a server', { host, siteKey: publicKey });
      return { site_key: publicKey, site_secret_key: secretKey };
    });
  }

  async #round(): Promise<boolean> {
    try {
      await this.#alone(() => this.#settle());
      return true;
    } catch (error) {
      this.#dependencies.logger.warn('site key is not settled yet', { error: String(error) });
      return false;
    }
  }

  async #settle(): Promise<void> {
    const { registry, keeper, logger } = this.#dependencies;
    if (keeper.current.signed !== true) {
      const hosts = await registry.siteKeys.signAll();
      await keeper.change({ signed: true });
      logger.info('registry signed', { hosts });
    }
    if (keeper.current.nextSiteSecretKey !== undefined) await this.#finish();
    if (await this.#isOutdated()) await this.#adopt();
    await this.#mend();
  }

  /**
   * A registry from an older state is told what it has lost, and what it knows is kept for that.
   */
  async #mend(): Promise<void> {
    const { registry, signer, keeper, believed, logger } = this.#dependencies;
    const { hosts, incarnation, removed, siteKey } = believed();
    if (siteKey !== signer.publicKey) return;
    if (incarnation !== undefined && incarnation !== this.#mended) {
      const { siteKeys = [] } = keeper.current;
      const signed = await registry.custody.mend({ hosts, removed, siteKeys });
      if (signed > 0) logger.warn('registry had lost what the site has signed', { signed });
      this.#mended = incarnation;
    }
    const keys = await registry.siteKeys.list();
    if (keys.at(-1)?.publicKey !== signer.publicKey) return;
    if (keys.length !== keeper.current.siteKeys?.length) await keeper.change({ siteKeys: keys });
  }

  /** Drafts the next key and publishes it. What is surely refused leaves no draft. */
  async #begin(): Promise<void> {
    const { registry, keeper, random, signer } = this.#dependencies;
    if ((await registry.findSite())?.publicKey !== signer.publicKey) throw changedElsewhere();
    const pair = generateSiteKeyPair(random);
    const nextSiteSecretKey = toBase64(pair.secretKey);
    wipe(pair.secretKey);
    await keeper.change({ nextSiteSecretKey });
    publishStep('site-key-drafted');
    try {
      await this.#publish();
    } catch (error) {
      if (isRefusal(error)) await keeper.change({ nextSiteSecretKey: undefined });
      throw error;
    }
  }

  async #publish(): Promise<void> {
    const { registry, keeper } = this.#dependencies;
    const next = new SiteSigner();
    withSecret(keeper.current.nextSiteSecretKey, (secretKey) => next.setKey(secretKey));
    try {
      await registry.siteKeys.publish(next);
    } finally {
      next.stop();
    }
  }

  /** Ends a change that was begun, or drops one that another server was faster with. */
  async #finish(): Promise<Resigned> {
    const { registry, signer, keeper, believed, logger } = this.#dependencies;
    const { siteSecretKey, nextSiteSecretKey } = keeper.current;
    if ((await this.#isOutdated()) && believed().siteKey !== publicKeyOf(nextSiteSecretKey)) {
      await keeper.change({ nextSiteSecretKey: undefined });
      throw changedElsewhere();
    }
    await this.#publish();
    publishStep('site-key-published');
    withSecret(nextSiteSecretKey, (secretKey) => signer.setKey(secretKey));
    // Not what signs by now: an earlier try may have come as far as that.
    const resigned = await registry.siteKeys.resign(publicKeyOf(siteSecretKey));
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

  /**
   * Whether the chain of keys, which nobody can forge, leads to a later key than this server's. The
   * numbers are the registry's word: a wrong one leads to a question that is asked in vain.
   */
  async #isOutdated(): Promise<boolean> {
    const { registry, keeper, believed } = this.#dependencies;
    const { siteKey } = believed();
    const own = publicKeyOf(keeper.current.siteSecretKey);
    if (siteKey === own) return false;
    const keys = await registry.siteKeys.list();
    const generation = (key: string): number =>
      keys.find(({ publicKey }) => publicKey === key)?.generation ?? 0;
    return generation(siteKey) > generation(own);
  }

  /** Takes the key that signs now from another server. */
  async #adopt(): Promise<void> {
    const { signer, keeper, logger } = this.#dependencies;
    const siteSecretKey = await this.#askAround();
    await keeper.change({ siteKey: publicKeyOf(siteSecretKey), siteSecretKey });
    withSecret(siteSecretKey, (secretKey) => signer.setKey(secretKey));
    logger.info('site key taken from another server', { siteKey: signer.publicKey });
  }

  async #askAround(): Promise<string> {
    const { ask, believed, keeper } = this.#dependencies;
    const { hosts, siteKey } = believed();
    const { hostId } = keeper.current;
    let failure: unknown = changedElsewhere();
    for (const { id } of hosts.filter(({ id, role }) => role === 'server' && id !== hostId)) {
      try {
        const { site_secret_key: siteSecretKey } = await ask(id);
        if (publicKeyOf(siteSecretKey) === siteKey) return siteSecretKey;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  #alone<T>(work: () => T | Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
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

/** Base64; empty for what is no secret key. */
function publicKeyOf(siteSecretKey: string | undefined): string {
  const signer = new SiteSigner();
  withSecret(siteSecretKey, (secretKey) => signer.setKey(secretKey));
  const { publicKey } = signer;
  signer.stop();
  return publicKey;
}

/** Whether nothing was written, for certain. */
function isRefusal(error: unknown): boolean {
  const codes: readonly string[] = ['REGISTRY_CLOSED', 'CHANGED_MEANWHILE', 'NOT_FOUND'];
  return error instanceof P6nError && codes.includes(error.code);
}

function changedElsewhere(): P6nError {
  return new P6nError('CHANGED_MEANWHILE', 'Cannot change the site key: this server lacks it', {
    hint: 'Another server has changed it; `p6nctl site show` shows its keys.',
  });
}
