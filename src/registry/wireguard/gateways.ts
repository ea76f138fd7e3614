// Gateways: what the site knows of a host with WireGuard peers. The registry says which networks
// they are in, so that the host follows these; the host says by which key it serves them, which the
// site signs.

import type { HostId } from '../../addressing/ids.ts';
import { P6nError } from '../../base/errors.ts';
import { decodeGateway, encodeRecord } from '../codec.ts';
import { gatewayKey, wireguardKeyKey } from '../keys.ts';
import type { Gateway, Site } from '../model.ts';
import { requireEndpoints, requirePublicKey } from '../refusals.ts';
import { requireSigningSite, requireSite } from '../site.ts';
import { isGenuineGateway } from '../site-signature.ts';
import { change, type RegistryContext, type Transaction } from '../transaction.ts';
import type { PeerPlace } from './counts.ts';

/** A host follows no more than 4,096 networks, its instances' among them. */
export const NETWORKS_PER_GATEWAY_MAX = 1_024;

export interface GatewayAnnouncement {
  readonly host: HostId;
  /** Base64. */
  readonly publicKey: string;
  readonly endpoints: readonly string[];
}

/** The key of a gateway, if the site has signed it. */
export async function lookupGateway(
  { signer }: RegistryContext,
  transaction: Transaction,
  host: HostId,
): Promise<Gateway['key']> {
  const stored = await transaction.get(gatewayKey(host));
  if (stored === undefined) return undefined;
  return genuineKey(signer, await requireSite(transaction), decodeGateway(stored));
}

/** A key that somebody has put into the database would get all that laptops send. */
export function genuineKey(
  signer: RegistryContext['signer'],
  { id }: Pick<Site, 'id'>,
  gateway: Gateway,
): Gateway['key'] {
  const { key } = gateway;
  if (key === undefined) return undefined;
  return isGenuineGateway(id, signer.publicKey, gateway, key) ? key : undefined;
}

/** Lets the gateway follow a network, as a part of a change. */
export async function joinGateway(
  transaction: Transaction,
  { host, network }: PeerPlace,
): Promise<void> {
  const stored = await transaction.get(gatewayKey(host));
  const gateway: Gateway =
    stored === undefined ? { kind: 'gateway', host, networks: [] } : decodeGateway(stored);
  if (gateway.networks.length >= NETWORKS_PER_GATEWAY_MAX) {
    throw new P6nError(
      'LIMIT_REACHED',
      `Cannot add a peer: its gateway has peers of ${NETWORKS_PER_GATEWAY_MAX} networks`,
      { hint: 'Choose another one with --host.' },
    );
  }
  const networks = [...new Set([...gateway.networks, network])].sort((a, b) => a - b);
  transaction.put(gatewayKey(host), encodeRecord({ ...gateway, networks }));
}

/** Takes a network from the gateway, as a part of a change. Its key stays. */
export async function leaveGateway(
  transaction: Transaction,
  { host, network }: PeerPlace,
): Promise<void> {
  const stored = await transaction.get(gatewayKey(host));
  if (stored === undefined) return;
  const gateway = decodeGateway(stored);
  const networks = gateway.networks.filter((one) => one !== network);
  transaction.put(gatewayKey(host), encodeRecord({ ...gateway, networks }));
}

/** Forgets a gateway, as a part of the removal of its host. */
export async function dropGateway(transaction: Transaction, host: HostId): Promise<void> {
  const stored = await transaction.get(gatewayKey(host));
  if (stored === undefined) return;
  const { key } = decodeGateway(stored);
  if (key !== undefined) transaction.delete(wireguardKeyKey(key.publicKey));
  transaction.delete(gatewayKey(host));
}

export function publishGateway(
  context: RegistryContext,
  { host, publicKey, endpoints }: GatewayAnnouncement,
): Promise<Gateway> {
  return change(context, 'publish the key of a gateway', async (transaction) => {
    requirePublicKey(publicKey);
    requireEndpoints(endpoints);
    const stored = await transaction.get(gatewayKey(host));
    if (stored === undefined) {
      throw new P6nError('NOT_FOUND', 'Cannot publish the key of a gateway: the host has no peers');
    }
    const { key: before, ...gateway } = decodeGateway(stored);
    if (before?.publicKey !== publicKey) {
      await takeKey(transaction, publicKey);
      if (before !== undefined) transaction.delete(wireguardKeyKey(before.publicKey));
    }
    const { id: site } = await requireSigningSite(context, transaction);
    const signature = context.signer.signGateway(site, { host }, { publicKey });
    const updated: Gateway = { ...gateway, key: { publicKey, endpoints, signature } };
    if (encodeRecord(updated) !== stored.value) {
      transaction.put(gatewayKey(host), encodeRecord(updated));
    }
    return updated;
  });
}

async function takeKey(transaction: Transaction, publicKey: string): Promise<void> {
  const index = wireguardKeyKey(publicKey);
  if ((await transaction.get(index)) !== undefined) {
    throw new P6nError('VALUE_INVALID', 'Cannot publish the key of a gateway: it is in use');
  }
  transaction.put(index, 'gateway');
}
