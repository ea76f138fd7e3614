// The site's signing key in the hands of a server: what it signs, all others believe. The key may
// change while the server runs.

import nacl from 'tweetnacl';
import { toBase64, wipe } from '../base/bytes.ts';
import { P6nError } from '../base/errors.ts';
import type {
  Gateway,
  GatewayKey,
  Host,
  HostKey,
  HostRemoval,
  Invite,
  PeerRemovals,
  SiteKey,
  WireguardPeer,
} from './model.ts';
import { sitePublicKeyOf } from './site.ts';
import {
  gatewayStatement,
  hostRemovalStatement,
  hostStatement,
  inviteStatement,
  peerRemovalsStatement,
  siteKeyStatement,
  wireguardPeerStatement,
} from './site-signature.ts';

export class SiteSigner {
  #secretKey: Uint8Array | undefined;
  #publicKey = '';

  /** Signs with this key (64 bytes, copied) from now on; without one it signs nothing. */
  setKey(secretKey: Uint8Array | undefined): void {
    const publicKey = secretKey === undefined ? undefined : sitePublicKeyOf(secretKey);
    this.stop();
    if (secretKey === undefined || publicKey === undefined) return;
    this.#secretKey = Uint8Array.from(secretKey);
    this.#publicKey = toBase64(publicKey);
  }

  /** The public half, base64; empty without a key. */
  get publicKey(): string {
    return this.#publicKey;
  }

  /** A secret: it goes into the identity of a server, through a tunnel, and nowhere else. */
  get secretKey(): string | undefined {
    return this.#secretKey === undefined ? undefined : toBase64(this.#secretKey);
  }

  signHost(
    site: string,
    host: Pick<Host, 'id' | 'name' | 'role'>,
    key: Pick<HostKey, 'publicKey' | 'generation'>,
  ): string {
    return this.#sign(hostStatement(site, host, key));
  }

  signRemoval(site: string, removal: Pick<HostRemoval, 'host'>): string {
    return this.#sign(hostRemovalStatement(site, removal));
  }

  signInvite(site: string, invite: Omit<Invite, 'signature' | 'use'>): string {
    return this.#sign(inviteStatement(site, invite));
  }

  signGateway(
    site: string,
    gateway: Pick<Gateway, 'host'>,
    key: Pick<GatewayKey, 'publicKey'>,
  ): string {
    return this.#sign(gatewayStatement(site, gateway, key));
  }

  signPeer(site: string, peer: Omit<WireguardPeer, 'signature' | 'createdAt'>): string {
    return this.#sign(wireguardPeerStatement(site, peer));
  }

  signPeerRemovals(site: string, removals: Pick<PeerRemovals, 'network' | 'numbers'>): string {
    return this.#sign(peerRemovalsStatement(site, removals));
  }

  signSiteKey(key: Pick<SiteKey, 'site' | 'generation' | 'publicKey'>): string {
    return this.#sign(siteKeyStatement(key));
  }

  /** The first block of a token, 64 bytes. */
  signToken(said: Uint8Array): Uint8Array {
    return this.#signed(said);
  }

  /** Forgets the key. */
  stop(): void {
    if (this.#secretKey !== undefined) wipe(this.#secretKey);
    this.#secretKey = undefined;
    this.#publicKey = '';
  }

  #sign(said: Uint8Array): string {
    return toBase64(this.#signed(said));
  }

  #signed(said: Uint8Array): Uint8Array {
    if (this.#secretKey === undefined) {
      throw new P6nError('NOT_PERMITTED', 'Cannot sign: this host has no signing key of the site', {
        hint: 'Run the command on a server.',
      });
    }
    return nacl.sign.detached(said, this.#secretKey);
  }
}
