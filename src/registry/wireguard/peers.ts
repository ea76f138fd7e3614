// WireGuard peers: laptops, and other machines that are no hosts. Each is in one network, behind
// one host, its gateway, and has the site's word for its key: who can write to the database alone
// lets nobody into a network.

import { requireName } from '../../addressing/names.ts';
import { P6nError } from '../../base/errors.ts';
import {
  decodeGateway,
  decodeHost,
  decodeNetwork,
  decodePeerRemovals,
  decodeWireguardPeer,
  encodeRecord,
} from '../codec.ts';
import { type HostReference, requireHost } from '../hosts.ts';
import {
  GATEWAYS,
  HOSTS,
  NETWORKS,
  PEER_REMOVALS,
  peerKey,
  peersOf,
  WIREGUARD_PEERS,
  wireguardKeyKey,
} from '../keys.ts';
import type { Gateway, Host, Network, WireguardPeer } from '../model.ts';
import { findNetwork, fullName, type NetworkReference, requireNetwork } from '../networks.ts';
import { nameSome, requirePublicKey } from '../refusals.ts';
import { findSite, requireSigningSite } from '../site.ts';
import { change, type RegistryContext, type Transaction } from '../transaction.ts';
import { countPeer, nextPeerNumber, uncountPeer } from './counts.ts';
import {
  type GatewayAnnouncement,
  genuineKey,
  joinGateway,
  leaveGateway,
  lookupGateway,
  publishGateway,
} from './gateways.ts';
import { genuineNumbers, putPeerRemoval } from './removals.ts';

/** A peer by its name in a network. */
export interface PeerReference {
  readonly name: string;
  readonly network: NetworkReference;
}

export interface PeerFilter {
  /** The name of a network. */
  readonly network?: string | undefined;
  readonly organization?: string | undefined;
}

export interface NewPeer extends PeerReference {
  /** Its gateway. */
  readonly host: HostReference;
  /** Base64; its private half is in no registry. */
  readonly publicKey: string;
}

/** A peer with what its configuration is made of. */
export interface PeerOnGateway {
  readonly peer: WireguardPeer;
  readonly network: Network;
  readonly host: Host;
  /** Undefined until there is a key that the site has signed. */
  readonly gateway: Gateway['key'];
}

export class WireguardPeers {
  readonly #context: RegistryContext;

  constructor(context: RegistryContext) {
    this.#context = context;
  }

  /**
   * Rejects with NAME_INVALID, NAME_TAKEN, VALUE_INVALID (key), NOT_FOUND (network, host),
   * LIMIT_REACHED, or NOT_PERMITTED where this server lacks the site's current key.
   */
  create(request: NewPeer): Promise<PeerOnGateway> {
    const context = this.#context;
    const { name, publicKey } = request;
    return change(context, `create peer "${name}"`, async (transaction) => {
      requireName('peer', name);
      requirePublicKey(publicKey);
      const network = await requireNetwork(transaction, fullName(request.network));
      const host = await requireHost(transaction, request.host);
      await refuseTaken(transaction, network, request);
      const place = { network: network.id, host: host.id };
      if (await countPeer(transaction, place)) await joinGateway(transaction, place);
      const number = await nextPeerNumber(context, transaction, network);
      const facts = { kind: 'wireguard-peer', ...place, name, number, publicKey } as const;
      const { id: site } = await requireSigningSite(context, transaction);
      const signature = context.signer.signPeer(site, facts);
      const peer: WireguardPeer = { ...facts, signature, createdAt: context.clock.wallNow() };
      transaction.put(peerKey(network.id, name), encodeRecord(peer));
      transaction.put(wireguardKeyKey(publicKey), 'peer');
      const gateway = await lookupGateway(context, transaction, host.id);
      return { peer, network, host, gateway };
    });
  }

  /** Those of `filter`, by network and name. Rejects with NOT_FOUND (network). */
  async list({ network, organization }: PeerFilter = {}): Promise<readonly PeerOnGateway[]> {
    const context = this.#context;
    const only =
      network === undefined
        ? undefined
        : await findNetwork(context, { name: network, organization });
    const site = await findSite(context);
    if (site === undefined) return [];
    const peers = only === undefined ? WIREGUARD_PEERS : peersOf(only.id);
    const { entries } = await context.store.list([peers, NETWORKS, HOSTS, GATEWAYS]);
    const at = (prefix: string) => entries.filter(({ key }) => key.startsWith(prefix));
    const networks = new Map(
      at(NETWORKS)
        .map(decodeNetwork)
        .map((one) => [one.id, one]),
    );
    const hosts = new Map(
      at(HOSTS)
        .map(decodeHost)
        .map((one) => [one.id, one]),
    );
    const gateways = new Map(
      at(GATEWAYS)
        .map(decodeGateway)
        .map((one) => [one.host, one]),
    );
    return at(peers).flatMap((stored) => {
      const peer = decodeWireguardPeer(stored);
      const [home, host] = [networks.get(peer.network), hosts.get(peer.host)];
      if (home === undefined || host === undefined) return [];
      if (organization !== undefined && home.organization !== organization) return [];
      const gateway = gateways.get(host.id);
      const key = gateway && genuineKey(context.signer, site, gateway);
      return [{ peer, network: home, host, gateway: key }];
    });
  }

  /** Rejects with NOT_FOUND. */
  find(reference: PeerReference): Promise<PeerOnGateway> {
    const context = this.#context;
    return change(context, `find peer "${reference.name}"`, async (transaction) => {
      const network = await requireNetwork(transaction, fullName(reference.network));
      const peer = await requirePeer(transaction, network, reference.name);
      const host = await requireHost(transaction, peer.host);
      const gateway = await lookupGateway(context, transaction, host.id);
      return { peer, network, host, gateway };
    });
  }

  /** For good. Rejects with NOT_FOUND, or NOT_PERMITTED as `create` does. */
  remove({ name, network: reference }: PeerReference): Promise<WireguardPeer> {
    const context = this.#context;
    return change(context, `remove peer "${name}"`, async (transaction) => {
      const network = await requireNetwork(transaction, fullName(reference));
      const peer = await requirePeer(transaction, network, name);
      await dropPeer(context, transaction, peer);
      return peer;
    });
  }

  /**
   * By what key and where a host serves its peers; again at will. Rejects with NOT_FOUND (a host
   * without peers), VALUE_INVALID, LIMIT_REACHED, or NOT_PERMITTED as `create` does.
   */
  publishGateway(announcement: GatewayAnnouncement): Promise<Gateway> {
    return publishGateway(this.#context, announcement);
  }
}

/** Takes the peers of a host away, or refuses by HOST_IN_USE. */
export async function dropPeersOf(
  context: RegistryContext,
  { id, name }: Host,
  { force }: { readonly force: boolean },
): Promise<void> {
  const { entries } = await context.store.list([WIREGUARD_PEERS]);
  const peers = entries.map(decodeWireguardPeer).filter(({ host }) => host === id);
  if (peers.length > 0 && !force) {
    throw new P6nError('HOST_IN_USE', `Cannot remove host "${name}": it has WireGuard peers`, {
      hint: `Remove them first (${nameSome(peers.map((peer) => peer.name))}), or use force.`,
    });
  }
  for (const peer of peers) await removeIfThere(context, peer);
}

/**
 * Takes away what a registry from an older state has of peers that the site says are gone; resolves
 * with how many there were.
 */
export async function sweepPeers(context: RegistryContext): Promise<number> {
  let swept = 0;
  const { entries } = await context.store.list([PEER_REMOVALS]);
  const site = await findSite(context);
  for (const removals of entries.map(decodePeerRemovals)) {
    const gone = site && genuineNumbers(context, site.id, removals);
    if (gone === undefined) continue;
    const peers = (await context.store.list([peersOf(removals.network)])).entries;
    for (const peer of peers.map(decodeWireguardPeer)) {
      if (!gone.has(peer.number)) continue;
      await removeIfThere(context, peer);
      swept += 1;
    }
  }
  return swept;
}

function removeIfThere(context: RegistryContext, { network, name }: WireguardPeer): Promise<void> {
  return change(context, `remove peer "${name}"`, async (transaction) => {
    const stored = await transaction.get(peerKey(network, name));
    if (stored !== undefined) await dropPeer(context, transaction, decodeWireguardPeer(stored));
  });
}

/** Takes a peer away for good, as a part of a change. */
async function dropPeer(
  context: RegistryContext,
  transaction: Transaction,
  peer: WireguardPeer,
): Promise<void> {
  await putPeerRemoval(context, transaction, peer);
  transaction.delete(peerKey(peer.network, peer.name));
  const index = wireguardKeyKey(peer.publicKey);
  // A record that somebody has written back was never counted.
  if ((await transaction.get(index)) === undefined) return;
  transaction.delete(index);
  if (await uncountPeer(transaction, peer)) await leaveGateway(transaction, peer);
}

async function requirePeer(
  transaction: Transaction,
  network: Network,
  name: string,
): Promise<WireguardPeer> {
  requireName('peer', name);
  const stored = await transaction.get(peerKey(network.id, name));
  if (stored !== undefined) return decodeWireguardPeer(stored);
  throw new P6nError('NOT_FOUND', `Cannot find peer "${name}": "${network.name}" has none`, {
    hint: `\`p6nctl wireguard list --network ${network.name}\` shows those that exist.`,
  });
}

async function refuseTaken(
  transaction: Transaction,
  network: Network,
  { name, publicKey }: NewPeer,
): Promise<void> {
  if ((await transaction.get(peerKey(network.id, name))) !== undefined) {
    throw new P6nError('NAME_TAKEN', `Cannot create peer "${name}": "${network.name}" has one`, {
      hint: 'Choose another name, or remove that peer.',
    });
  }
  if ((await transaction.get(wireguardKeyKey(publicKey))) !== undefined) {
    throw new P6nError('VALUE_INVALID', `Cannot create peer "${name}": its key is in use`, {
      hint: 'Every peer has a key of its own, also in another network.',
    });
  }
}
