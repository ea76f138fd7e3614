// What the site's key says, as bytes, and whether it has said it.
//
// Servers sign; every agent checks before it makes a peer of a host. So whoever can write to the
// registry's database, and is no server, can add no host, change none and bring none back.

import { createPublicKey, verify } from 'node:crypto';
import { fromBase64 } from '../base/bytes.ts';
import { statement } from '../base/statement.ts';
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

const HOST_LABEL = 'p6n host 1';
const HOST_REMOVAL_LABEL = 'p6n host removal 1';
const INVITE_LABEL = 'p6n invite 1';
const GATEWAY_LABEL = 'p6n gateway 1';
const WIREGUARD_PEER_LABEL = 'p6n wireguard peer 1';
const PEER_REMOVALS_LABEL = 'p6n wireguard peer removals 1';
const SITE_KEY_LABEL = 'p6n site key 1';
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** A host by one of its keys. */
export function hostStatement(
  site: string,
  { id, name, role }: Pick<Host, 'id' | 'name' | 'role'>,
  { publicKey, generation }: Pick<HostKey, 'publicKey' | 'generation'>,
): Uint8Array {
  return statement(HOST_LABEL, [site, String(id), name, publicKey, String(generation), role]);
}

/** That a host is no host of the site any more. */
export function hostRemovalStatement(
  site: string,
  { host }: Pick<HostRemoval, 'host'>,
): Uint8Array {
  return statement(HOST_REMOVAL_LABEL, [site, String(host)]);
}

/** That the holder of a key may become a host. */
export function inviteStatement(
  site: string,
  { server, number, publicKey, role, expiresAt }: Omit<Invite, 'signature' | 'use'>,
): Uint8Array {
  const fields = [site, String(server), String(number), publicKey, role, String(expiresAt)];
  return statement(INVITE_LABEL, fields);
}

/** That a host serves WireGuard peers by this key. */
export function gatewayStatement(
  site: string,
  { host }: Pick<Gateway, 'host'>,
  { publicKey }: Pick<GatewayKey, 'publicKey'>,
): Uint8Array {
  return statement(GATEWAY_LABEL, [site, String(host), publicKey]);
}

/** That the holder of a key is a member of a network, with this name and this address. */
export function wireguardPeerStatement(
  site: string,
  { network, name, host, number, publicKey }: Omit<WireguardPeer, 'signature' | 'createdAt'>,
): Uint8Array {
  const fields = [site, String(network), name, String(host), String(number), publicKey];
  return statement(WIREGUARD_PEER_LABEL, fields);
}

/** That peers of a network are members of it no more. */
export function peerRemovalsStatement(
  site: string,
  { network, numbers }: Pick<PeerRemovals, 'network' | 'numbers'>,
): Uint8Array {
  return statement(PEER_REMOVALS_LABEL, [site, String(network), numbers]);
}

/** The key that the site has as its `generation`th. */
export function siteKeyStatement({
  site,
  generation,
  publicKey,
}: Pick<SiteKey, 'site' | 'generation' | 'publicKey'>): Uint8Array {
  return statement(SITE_KEY_LABEL, [site, String(generation), publicKey]);
}

/**
 * Whether `signature` (base64) is that of the key (base64) on the statement; false for what is no
 * key or no signature. OpenSSL's Ed25519, as a host that joins checks every host of the site.
 */
export function isSignedBy(publicKey: string, signature: string, said: Uint8Array): boolean {
  const [key, bytes] = [fromBase64(publicKey), fromBase64(signature)];
  return key !== undefined && bytes !== undefined && hasSigned(key, bytes, said);
}

/** The same of bytes as they are. */
export function hasSigned(publicKey: Uint8Array, signature: Uint8Array, said: Uint8Array): boolean {
  if (publicKey.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  const x = Buffer.from(publicKey).toString('base64url');
  const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } });
  return verify(null, said, key, signature);
}

/** Whether the site's key `publicKey` has signed a host's current key. */
export function isGenuineHost(site: string, publicKey: string, host: Host): boolean {
  return isSignedBy(publicKey, host.signature, hostStatement(site, host, host));
}

/** Whether the site's key `publicKey` has signed the key that the host changes to. */
export function isGenuineNextKey(
  site: string,
  publicKey: string,
  host: Host,
  next: HostKey,
): boolean {
  if (next.generation !== host.generation + 1) return false;
  return isSignedBy(publicKey, next.signature, hostStatement(site, host, next));
}

/** Whether the site's key `publicKey` has signed the removal. */
export function isGenuineRemoval(site: string, publicKey: string, removal: HostRemoval): boolean {
  return isSignedBy(publicKey, removal.signature, hostRemovalStatement(site, removal));
}

/** Whether the site's key `publicKey` has signed the invite. */
export function isGenuineInvite(site: string, publicKey: string, invite: Invite): boolean {
  return isSignedBy(publicKey, invite.signature, inviteStatement(site, invite));
}

/** Whether the site's key `publicKey` has signed the gateway's key. */
export function isGenuineGateway(
  site: string,
  publicKey: string,
  gateway: Pick<Gateway, 'host'>,
  key: GatewayKey,
): boolean {
  return isSignedBy(publicKey, key.signature, gatewayStatement(site, gateway, key));
}

/** Whether the site's key `publicKey` has signed the WireGuard peer. */
export function isGenuinePeer(site: string, publicKey: string, peer: WireguardPeer): boolean {
  return isSignedBy(publicKey, peer.signature, wireguardPeerStatement(site, peer));
}

/** Whether the site's key `publicKey` has signed the removals of peers. */
export function isGenuinePeerRemovals(
  site: string,
  publicKey: string,
  removals: PeerRemovals,
): boolean {
  return isSignedBy(publicKey, removals.signature, peerRemovalsStatement(site, removals));
}

/** Whether a key of the site is its own witness: whoever trusts the key may trust the record. */
export function isGenuineSiteKey(key: SiteKey): boolean {
  return isSignedBy(key.publicKey, key.signature, siteKeyStatement(key));
}

/** Whether `next` follows `key` in the site's chain of keys, by the word of both. */
export function isSuccessor(key: SiteKey, next: SiteKey): boolean {
  if (next.site !== key.site || next.generation !== key.generation + 1) return false;
  if (next.endorsement === undefined || !isGenuineSiteKey(next)) return false;
  return isSignedBy(key.publicKey, next.endorsement, siteKeyStatement(next));
}
