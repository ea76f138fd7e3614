// The peers of the data plane: each by its public key, and by its index what its tunnel proves
// about a packet. Keeps device and routes in step.

import { HOSTS_MAX, ID_MIN } from '../../addressing/ids.ts';
import { classifyAddress, HOST_OFFSET, SITE_PREFIX } from '../../addressing/layout.ts';
import { toBase64 } from '../../base/bytes.ts';
import type { Millis } from '../../base/clock.ts';
import { P6nError } from '../../base/errors.ts';
import type {
  PeerStatus as DevicePeerStatus,
  PeerConfig,
  PeerRoute,
  PeerSettings,
} from '../../device/config.ts';
import type { Device } from '../../device/device.ts';
import type { HostField, HostRoutes } from '../../device/host-routes.ts';
import { NO_PEER, type PeerIndex } from '../../device/routes.ts';
import { parseIpv6 } from '../../ip/ipv6-address.ts';
import type { PrivateKey, PublicKey } from '../../wireguard/crypto/crypto.ts';

/** What is behind a peer, as the filter names it. */
export const PeerKind = { None: 0, Host: 1, WireguardPeer: 2 } as const;
export type PeerKind = (typeof PeerKind)[keyof typeof PeerKind];

/** Where hosts stand in an address. */
export const HOST_FIELD: HostField = {
  prefix: Uint8Array.of(SITE_PREFIX >> 8, SITE_PREFIX & 0xff),
  offset: HOST_OFFSET,
  idMin: ID_MIN,
  hostsMax: HOSTS_MAX,
};

const CAPACITY_MIN = 256;
const ADDRESS_SUFFIX = '/128';

interface Identity {
  readonly kind: PeerKind;
  /** Host id, or network id of a WireGuard peer. */
  readonly id: number;
  /** Number of a WireGuard peer, else 0. */
  readonly number: number;
}

interface InstalledPeer {
  readonly index: PeerIndex;
  readonly config: PeerConfig;
}

export class PeerTable {
  readonly #device: Device;
  readonly #routes: HostRoutes;
  readonly #peers = new Map<string, InstalledPeer>();
  readonly #keys = new Map<PeerIndex, PublicKey>();
  /** Which peer each route leads to, so that a withdrawal takes back what is still its own. */
  readonly #owners = new Map<string, PeerIndex>();
  #kinds = new Uint8Array(CAPACITY_MIN);
  #ids = new Uint32Array(CAPACITY_MIN);
  #numbers = new Uint16Array(CAPACITY_MIN);

  constructor(device: Device, routes: HostRoutes) {
    this.#device = device;
    this.#routes = routes;
  }

  kindOf(peer: PeerIndex): PeerKind {
    return this.#kinds[peer] as PeerKind;
  }

  /** The host id, or the network id of a WireGuard peer. */
  idOf(peer: PeerIndex): number {
    return this.#ids[peer]!;
  }

  /** The number of a WireGuard peer in its network. */
  numberOf(peer: PeerIndex): number {
    return this.#numbers[peer]!;
  }

  keyOf(peer: PeerIndex): PublicKey | undefined {
    return this.#keys.get(peer);
  }

  /**
   * Adds a peer, or updates the one with this key. A new one is begun with at `initiateAt`, if that
   * is given, else when there is a packet for it. Throws VALUE_INVALID or LIMIT_REACHED, and
   * nothing has changed then.
   */
  install(config: PeerConfig, now: Millis, initiateAt?: Millis): void {
    const known = this.#peers.get(toBase64(config.publicKey));
    if (known !== undefined) {
      this.#update(known, config, now);
      return;
    }
    const identity = identify(config.route);
    const index = this.#device.installPeer(settingsOf(config), now, initiateAt);
    if (index === NO_PEER) {
      throw new P6nError('VALUE_INVALID', 'Cannot install a peer: its key is that of this host');
    }
    this.#peers.set(toBase64(config.publicKey), { index, config });
    this.#keys.set(index, config.publicKey);
    this.#setIdentity(index, identity);
    this.#addRoute(config.route, index);
  }

  /**
   * Changes this host's own key; a peer that has this very key is forgotten. Peers with a session
   * get one by the new key soon, and are heard by the last one until then.
   */
  setPrivateKey(privateKey: PrivateKey, now: Millis): void {
    const forgotten = this.#keys.get(this.#device.setPrivateKey(privateKey));
    if (forgotten !== undefined) this.remove(forgotten);
    this.#device.renewSessions(now);
  }

  /** Forgets a peer, if there is one with this key. */
  remove(publicKey: PublicKey): void {
    const key = toBase64(publicKey);
    const installed = this.#peers.get(key);
    if (installed === undefined) return;
    this.#removeRoute(installed.config.route, installed.index);
    this.#setIdentity(installed.index, { kind: PeerKind.None, id: 0, number: 0 });
    this.#peers.delete(key);
    this.#keys.delete(installed.index);
    this.#device.removePeer(installed.index);
  }

  /** Every peer with what the device knows of it. */
  statuses(): { readonly publicKey: PublicKey; readonly status: DevicePeerStatus }[] {
    const statuses = [];
    for (const { index, config } of this.#peers.values()) {
      const status = this.#device.peerStatus(index);
      if (status !== undefined) statuses.push({ publicKey: config.publicKey, status });
    }
    return statuses;
  }

  /** Takes over what differs from the installed peer; its sessions go on. */
  #update({ index, config: before }: InstalledPeer, config: PeerConfig, now: Millis): void {
    const identity = identify(config.route);
    this.#device.updatePeer(index, settingsOf(config), now);
    // A route that stays is left alone: of two keys of a host, it knows which one is in use.
    const key = routeKey(config.route);
    if (key !== routeKey(before.route) || this.#owners.get(key) !== index) {
      this.#removeRoute(before.route, index);
      this.#addRoute(config.route, index);
    }
    this.#setIdentity(index, identity);
    this.#peers.set(toBase64(config.publicKey), { index, config });
  }

  #setIdentity(index: PeerIndex, { kind, id, number }: Identity): void {
    if (index >= this.#kinds.length) this.#grow(index + 1);
    this.#kinds[index] = kind;
    this.#ids[index] = id;
    this.#numbers[index] = number;
  }

  #grow(lengthMin: number): void {
    const length = Math.max(lengthMin, 2 * this.#kinds.length);
    const [kinds, ids, numbers] = [this.#kinds, this.#ids, this.#numbers];
    this.#kinds = new Uint8Array(length);
    this.#ids = new Uint32Array(length);
    this.#numbers = new Uint16Array(length);
    this.#kinds.set(kinds);
    this.#ids.set(ids);
    this.#numbers.set(numbers);
  }

  #addRoute(route: PeerRoute, index: PeerIndex): void {
    this.#owners.set(routeKey(route), index);
    if (route.kind === 'host') this.#routes.setHost(route.hostId, route.key, index);
    else this.#routes.setAddress(addressOf(route.prefixes), index);
  }

  #removeRoute(route: PeerRoute, index: PeerIndex): void {
    const key = routeKey(route);
    if (this.#owners.get(key) !== index) return;
    this.#owners.delete(key);
    if (route.kind === 'host') this.#routes.removeHost(route.hostId, route.key);
    else this.#routes.removeAddress(addressOf(route.prefixes));
  }
}

function settingsOf(config: PeerConfig): PeerSettings {
  const { route, ...settings } = config;
  return { ...settings, answersProbes: route.kind === 'host' };
}

/** What is behind a route: a host, or exactly one WireGuard peer of the plan of addresses. */
function identify(route: PeerRoute): Identity {
  if (route.kind === 'host') return { kind: PeerKind.Host, id: route.hostId, number: 0 };
  const [prefix = ''] = route.prefixes;
  const single = route.prefixes.length === 1 && prefix.endsWith(ADDRESS_SUFFIX);
  const address = single ? classifyAddress(prefix.slice(0, -ADDRESS_SUFFIX.length)) : undefined;
  if (address?.kind !== 'wireguard-peer') {
    throw new P6nError(
      'VALUE_INVALID',
      `Cannot install a peer: ${route.prefixes.join(', ') || 'no address'} is not one WireGuard ` +
        'peer of a network',
    );
  }
  return { kind: PeerKind.WireguardPeer, id: address.network, number: address.peer };
}

function addressOf(prefixes: readonly string[]): Uint8Array {
  return parseIpv6(prefixes[0]?.slice(0, -ADDRESS_SUFFIX.length) ?? '') as Uint8Array;
}

function routeKey(route: PeerRoute): string {
  return route.kind === 'host' ? `${route.hostId} ${route.key}` : (route.prefixes[0] ?? '');
}
