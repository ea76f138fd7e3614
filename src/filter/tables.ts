// The configuration as the rules read it: lookups by number, made once for each configuration and
// never changed, so that a new one takes the place of the old one between two packets.

import { INFRASTRUCTURE_NETWORK, isInstanceId, isNetworkId } from '../addressing/ids.ts';
import { assert } from '../base/assert.ts';
import { ipv6Bytes } from '../ip/ipv6-address.ts';
import type { FilterConfig } from './config.ts';
import { keyOf } from './packet-address.ts';
import { HOST_TUN } from './verdict.ts';

/** Stands for the host id of a host that has none yet; no address has it in its host field. */
export const NO_HOST = 0;
const PEER_MAX = 0xffff;

export interface NetworkTable {
  readonly regionScoped: boolean;
  /** keyOf() an instance id to TUN number. */
  readonly instances: ReadonlyMap<number, number>;
  readonly wireguardPeers: ReadonlySet<number>;
}

/** By keyOf() their ids. */
export interface TunOwner {
  readonly network: number;
  readonly instance: number;
}

export interface FilterTables {
  /** NO_HOST while this host is joining. */
  readonly hostId: number;
  readonly region: string;
  readonly server: boolean;
  /** Addresses of this host that do not follow from its id, 16 bytes each. */
  readonly extraAddresses: readonly Uint8Array[];
  /** Host id to region. */
  readonly hosts: ReadonlyMap<number, string>;
  /** By keyOf() the id; network 0 is always there, its WireGuard peers are the invites. */
  readonly networks: ReadonlyMap<number, NetworkTable>;
  /** The instance behind each TUN; `p6n0` is not one of them. */
  readonly tuns: ReadonlyMap<number, TunOwner>;
}

/**
 * Throws AssertionError for a configuration that would join what must be apart: an instance of
 * network 0 or on `p6n0`, two on one TUN, one twice. What is in a network that the configuration
 * does not name is left out.
 */
export function compileTables(config: FilterConfig): FilterTables {
  const networks = new Map<number, MutableNetwork>();
  networks.set(keyOf(INFRASTRUCTURE_NETWORK), emptyNetwork(false));
  for (const network of config.networks) {
    assert(isNetworkId(network.id), `compileTables: ${network.id} is not a network id`);
    networks.set(keyOf(network.id), emptyNetwork(network.regionScoped));
  }
  for (const { network, peer } of config.wireguardPeers) {
    assert(Number.isInteger(peer) && peer >= 1 && peer <= PEER_MAX, 'compileTables: bad peer');
    const isKnown = network === INFRASTRUCTURE_NETWORK || isNetworkId(network);
    assert(isKnown, `compileTables: ${network} is not a network id`);
    networks.get(keyOf(network))?.wireguardPeers.add(peer);
  }
  return {
    hostId: config.hostId ?? NO_HOST,
    region: config.region,
    server: config.server,
    extraAddresses: config.extraHostAddresses.map((address) => ipv6Bytes(address)),
    hosts: new Map(config.hosts.map((host) => [host.id, host.region])),
    networks,
    tuns: addInstances(config, networks),
  };
}

interface MutableNetwork extends NetworkTable {
  readonly instances: Map<number, number>;
  readonly wireguardPeers: Set<number>;
}

function emptyNetwork(regionScoped: boolean): MutableNetwork {
  return { regionScoped, instances: new Map(), wireguardPeers: new Set() };
}

function addInstances(
  config: FilterConfig,
  networks: ReadonlyMap<number, MutableNetwork>,
): Map<number, TunOwner> {
  const tuns = new Map<number, TunOwner>();
  for (const { network, instance, tun } of config.instances) {
    assert(isNetworkId(network), 'compileTables: instances live in tenant networks only');
    assert(isInstanceId(instance), `compileTables: ${instance} is not an instance id`);
    assert(tun !== HOST_TUN, 'compileTables: an instance cannot have the TUN of the host');
    assert(!tuns.has(tun), `compileTables: TUN ${tun} has two instances`);
    tuns.set(tun, { network: keyOf(network), instance: keyOf(instance) });
    const instances = networks.get(keyOf(network))?.instances;
    assert(instances?.has(keyOf(instance)) !== true, 'compileTables: an instance is there twice');
    instances?.set(keyOf(instance), tun);
  }
  return tuns;
}
