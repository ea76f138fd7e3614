// Where a server makes and serves invites: the key pair and the token are made here and the private
// half goes into the token alone; the registry learns the public half. The open ones are WireGuard
// peers of this server.

import type { HostId } from '../addressing/ids.ts';
import { toBase64 } from '../base/bytes.ts';
import { P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type Random, randomBytes } from '../base/random.ts';
import type { Principal } from '../registry/authority.ts';
import type { HostRole, Invite } from '../registry/model.ts';
import type { Registry } from '../registry/registry.ts';
import { isGenuineInvite } from '../registry/site-signature.ts';
import type { SiteSigner } from '../registry/site-signer.ts';
import { type Crypto, KEY_BYTES } from '../wireguard/crypto/crypto.ts';
import { keyPair, wipeKeyPair } from '../wireguard/identity.ts';
import { formatToken } from './invite-token.ts';
import { publishStep } from './steps.ts';

export interface InviteDeskDependencies {
  readonly registry: Registry;
  /** Has the site's key, which the token names. */
  readonly signer: Pick<SiteSigner, 'publicKey'>;
  readonly crypto: Crypto;
  readonly random: Random;
  readonly logger: Logger;
}

export interface InviteDeskOptions {
  /** This server. */
  readonly server: HostId;
  /** WireGuard public key of this server, base64, which may change. */
  readonly serverKey: () => string;
  /** Where joining machines reach this server, best first. */
  readonly endpoints: readonly string[];
  /** Whether other servers can have the same registry. */
  readonly isShared: boolean;
}

/** What is asked of an invite; what is absent is left to the defaults. */
export interface InviteWishes {
  readonly region?: string | undefined;
  readonly ttlMs?: number | undefined;
  readonly role?: HostRole | undefined;
}

/** A change of the invites that are served here; resolves when the data plane has it. */
export type InvitesChanged = () => Promise<void>;

export class InviteDesk {
  readonly #dependencies: InviteDeskDependencies;
  readonly #options: InviteDeskOptions;
  #invites: readonly Invite[] = [];
  /** Keys of hosts that have proved to be here while their invites are still on record. */
  readonly #proved = new Set<string>();
  #changed: InvitesChanged = () => Promise.resolve();
  #refreshing: Promise<void> = Promise.resolve();
  /** Begins after the one under way; shared by all who ask until then. */
  #nextRefresh: Promise<void> | undefined;

  constructor(dependencies: InviteDeskDependencies, options: InviteDeskOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
  }

  /** What this server serves, as of the last refresh. */
  invites(): readonly Invite[] {
    return this.#invites;
  }

  /** Calls `changed` from now on after each change. */
  onChange(changed: InvitesChanged): void {
    this.#changed = changed;
  }

  /**
   * Removes what has expired or done its work and reads what is left; tells when that differs from
   * before. To be called again after it has failed.
   */
  refresh(): Promise<void> {
    // One at a time: of two at once the earlier answer could take the place of the later one.
    this.#nextRefresh ??= this.#refreshing.then(() => {
      this.#nextRefresh = undefined;
      const refreshed = this.#refresh();
      this.#refreshing = refreshed.catch(() => undefined);
      return refreshed;
    });
    return this.#nextRefresh;
  }

  async #refresh(): Promise<void> {
    const { registry } = this.#dependencies;
    const { server } = this.#options;
    await this.#finishProved();
    await registry.removeExpiredInvites(server);
    const before = JSON.stringify(this.#invites);
    this.#invites = await this.#genuineInvites();
    const used = new Set(this.#invites.map(({ use }) => use?.publicKey));
    for (const publicKey of this.#proved) if (!used.has(publicKey)) this.#proved.delete(publicKey);
    if (JSON.stringify(this.#invites) !== before) await this.#changed();
  }

  /** Makes an invite and its token; resolves when a joining machine can use it. */
  async create(
    principal: Principal,
    { region, ttlMs, role = 'agent' }: InviteWishes,
  ): Promise<{
    readonly invite: Invite;
    readonly token: string;
  }> {
    const { registry, signer, crypto, random } = this.#dependencies;
    const { server, serverKey, endpoints, isShared } = this.#options;
    if (role === 'server' && !isShared) {
      throw new P6nError('VALUE_INVALID', 'Cannot invite a server: the registry is in a file', {
        hint: 'Several servers share an etcd: move the registry with `p6nctl registry export`.',
      });
    }
    const pair = keyPair(crypto, randomBytes(random, KEY_BYTES));
    try {
      const publicKey = toBase64(pair.publicKey);
      const asked = registry.as(principal);
      const invite = await asked.createInvite({ server, publicKey, region, ttlMs, role });
      await this.refresh();
      const token = formatToken({
        privateKey: toBase64(pair.privateKey),
        number: invite.number,
        server,
        serverKey: serverKey(),
        endpoints,
        siteKey: signer.publicKey,
        expiresAt: invite.expiresAt,
      });
      return { invite, token };
    } finally {
      wipeKeyPair(pair);
    }
  }

  async revoke(principal: Principal, number: number): Promise<void> {
    const { registry } = this.#dependencies;
    const asked = registry.as(principal);
    await asked.revokeInvite({ server: this.#options.server, number });
    await this.refresh();
  }

  /** Drops the invite that the host of this key has used: its own key has completed a handshake. */
  async handshakeCompleted(publicKey: string): Promise<void> {
    if (!this.#invites.some(({ use }) => use?.publicKey === publicKey)) return;
    this.#proved.add(publicKey);
    await this.refresh();
  }

  /** An invite that the site's key has not signed would let anybody in who can write to a store. */
  async #genuineInvites(): Promise<readonly Invite[]> {
    const { registry, signer, logger } = this.#dependencies;
    const invites = await registry.listInvites({ server: this.#options.server });
    const site = await registry.findSite();
    return invites.filter((invite) => {
      const isGenuine = isGenuineInvite(site?.id ?? '', signer.publicKey, invite);
      if (!isGenuine) logger.warn('invite is refused', { number: invite.number });
      return isGenuine;
    });
  }

  async #finishProved(): Promise<void> {
    const { registry, logger } = this.#dependencies;
    const used = this.#invites.filter(({ use }) => use !== undefined);
    for (const invite of used) {
      const { publicKey, host } = invite.use ?? {};
      if (publicKey === undefined || !this.#proved.has(publicKey)) continue;
      await registry.finishInvite(invite);
      this.#proved.delete(publicKey);
      publishStep('enrolment-finished');
      logger.info('host joined', { host });
    }
  }
}
