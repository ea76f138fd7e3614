// Random sites for properties of the filter: few hosts, networks and ids, so that addresses meet
// and nearly meet. Everything about addresses is written again here from the plan, by text, so that
// the tests do not inherit a mistake of the filter.

import fc from 'fast-check';
import type { FilterConfig } from '../../src/filter/config.ts';
import { fromHost, fromTun, fromWireguardPeer, type Way } from './site.ts';

const HOSTS = [0x1_0000, 0x1_0001, 0x1_0002];
const UNKNOWN_HOST = 0x1_0003;
const NETWORKS = [0x1_0001, 0x1_0002, 0x8000_0001];
const UNKNOWN_NETWORK = 0x1_0003;
const INSTANCES = [0x1_0000, 0x1_0001, 0xffff_ffff];
const REGIONS = ['east', 'west'];
const PEERS = [1, 2, 0xffff];

/** All addresses that the plan has for these ids, and some that it has not. */
const ADDRESSES: readonly string[] = allAddresses();

export interface RandomSite {
  readonly config: FilterConfig;
  readonly self: number;
  /** Those of ADDRESSES that something of the site has. */
  readonly inUse: readonly string[];
}

const often = fc.integer({ min: 1, max: 4 }).map((draw) => draw > 1);

export const randomSite: fc.Arbitrary<RandomSite> = fc
  .record({
    self: fc.constantFrom(...HOSTS),
    regions: fc.array(fc.constantFrom(...REGIONS), { minLength: 3, maxLength: 3 }),
    scoped: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
    networks: fc.subarray(NETWORKS, { minLength: 1 }),
    instances: fc.subarray(pairs(NETWORKS, INSTANCES), { minLength: 5 }),
    peers: fc.subarray(pairs([0, ...NETWORKS], PEERS), { minLength: 6 }),
    server: fc.boolean(),
    hosts: fc.subarray(HOSTS, { minLength: 2 }),
  })
  .map((drawn) => {
    const config = {
      hostId: drawn.self,
      region: drawn.regions[HOSTS.indexOf(drawn.self)] ?? '',
      extraHostAddresses: [],
      server: drawn.server,
      hosts: drawn.hosts.map((id) => ({ id, region: drawn.regions[HOSTS.indexOf(id)] ?? '' })),
      networks: drawn.networks.map((id) => ({
        id,
        regionScoped: drawn.scoped[NETWORKS.indexOf(id)] ?? false,
      })),
      instances: drawn.instances.map(([network, instance], i) => ({
        network,
        instance,
        tun: i + 1,
      })),
      wireguardPeers: drawn.peers.map(([network, peer]) => ({ network, peer })),
    } as unknown as FilterConfig;
    const inUse = ADDRESSES.filter((one) => isNameserver(one) || isInUse(config, one));
    return { config, self: drawn.self, inUse };
  });

/**
 * A source and a destination: mostly of the same network and mostly in use, so that many packets
 * pass and the rest come close.
 */
export const randomExchange: fc.Arbitrary<Exchange> = fc
  .record({
    site: randomSite,
    source: fc.nat(),
    target: fc.nat(),
    sourceInUse: often,
    targetInUse: often,
    sameNetwork: often,
  })
  .map(({ site, source, target, sourceInUse, targetInUse, sameNetwork }) => {
    const from = pick(sourceInUse ? site.inUse : ADDRESSES, source);
    const targets = targetInUse ? site.inUse : ADDRESSES;
    const near = targets.filter((one) => networkOf(one) === networkOf(from));
    return { site, source: from, target: pick(sameNetwork ? near : targets, target) };
  });

export interface Exchange {
  readonly site: RandomSite;
  readonly source: string;
  readonly target: string;
}

function pick(addresses: readonly string[], draw: number): string {
  return addresses[draw % addresses.length] ?? 'fdaa:0:0:0:0:0:0:3';
}

function networkOf(address: string): number | undefined {
  return partsOf(address)?.network;
}

export interface Parts {
  readonly network: number;
  readonly host: number;
  readonly instance: number;
  readonly slot: number;
}

/** The numbers of an address that `write` made, or undefined outside of fdaa::/16. */
export function partsOf(address: string): Parts | undefined {
  const groups = address.split(':').map((group) => Number.parseInt(group, 16));
  if (groups[0] !== 0xfdaa) return undefined;
  const pair = (i: number): number => (groups[i] ?? 0) * 0x1_0000 + (groups[i + 1] ?? 0);
  return { network: pair(1), host: pair(3), instance: pair(5), slot: groups[7] ?? 0 };
}

/** The interface that packets with this source enter by when nobody lies. */
export function wayOf(site: RandomSite, source: string): Way {
  const parts = partsOf(source);
  if (parts === undefined || parts.host < 0x1_0000) return fromTun(0);
  const { network, host, instance, slot } = parts;
  const tenant = network >= 0x1_0000;
  const isHost = instance === 0 && slot === 1;
  const isPeer = instance === 0xa && slot > 0;
  const isInstance = tenant && instance >= 0x1_0000;
  if (network !== 0 && !tenant) return fromTun(0);
  if (!isHost && !isPeer && !isInstance) return fromTun(0);
  if (host !== site.self) return fromHost(host);
  if (isHost) return fromTun(0);
  if (isPeer) return fromWireguardPeer(network, slot);
  const { instances } = site.config;
  const own = instances.find((one) => one.network === network && one.instance === instance);
  return fromTun(own?.tun ?? -1);
}

/** All eight groups, so that `partsOf` reads it. */
function write(network: number, host: number, instance: number, slot: number): string {
  const pair = (value: number): string =>
    `${Math.floor(value / 0x1_0000).toString(16)}:${(value % 0x1_0000).toString(16)}`;
  return `fdaa:${pair(network)}:${pair(host)}:${pair(instance)}:${slot.toString(16)}`;
}

function allAddresses(): string[] {
  const all: string[] = [];
  for (const network of [0, 5, UNKNOWN_NETWORK, ...NETWORKS]) {
    all.push(write(network, 0, 0, 3), write(network, 0, 0, 1), write(network, 1, 0, 7));
    for (const host of [...HOSTS, UNKNOWN_HOST]) {
      all.push(
        write(network, host, 0, 1),
        write(network, host, 0, 2),
        write(network, host, 0xa, 0),
      );
      for (const peer of PEERS) all.push(write(network, host, 0xa, peer));
      for (const instance of INSTANCES) {
        all.push(write(network, host, instance, 2), write(network, host, instance, 0));
      }
    }
  }
  return [
    ...all,
    '2001:db8:0:0:0:0:0:1',
    'fe80:0:0:0:0:0:0:1',
    'ff02:0:0:0:0:0:0:1',
    '0:0:0:0:0:0:0:0',
  ];
}

export function isNameserver(address: string): boolean {
  return /^fdaa:[^:]*:[^:]*:0:0:0:0:3$/.test(address);
}

/** On other hosts everything counts as in use. */
function isInUse(config: FilterConfig, address: string): boolean {
  const parts = partsOf(address);
  if (parts === undefined) return false;
  const { network, host, instance, slot } = parts;
  if (network !== 0 && !config.networks.some((one) => one.id === network)) return false;
  if (host !== config.hostId) return config.hosts.some((one) => one.id === host);
  if (instance === 0) return slot === 1;
  if (instance === 0xa) {
    return config.wireguardPeers.some((one) => one.network === network && one.peer === slot);
  }
  return config.instances.some((one) => one.network === network && one.instance === instance);
}

function pairs(left: readonly number[], right: readonly number[]): (readonly [number, number])[] {
  return left.flatMap((one) => right.map((other) => [one, other] as const));
}
