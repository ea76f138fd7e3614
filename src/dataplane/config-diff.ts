// What differs between two configurations of the data plane, for the worker to carry out: pure.

import { isDeepStrictEqual } from 'node:util';
import { equalConstantTime, toBase64 } from '../base/bytes.ts';
import type { DeviceConfig, PeerConfig } from '../device/config.ts';
import type { FilterConfig } from '../filter/config.ts';
import type { PrivateKey, PublicKey } from '../wireguard/crypto/crypto.ts';
import { type DataplaneConfig, type GatewayConfig, HOST_TUN, type TunConfig } from './config.ts';

/** In the order in which it is carried out: what comes, the filter, what goes. */
export interface ConfigChange {
  readonly privateKey: PrivateKey | undefined;
  /** Limit of WireGuard's padding. */
  readonly mtu: number | undefined;
  /** New ones, and those that differ in anything. */
  readonly peers: readonly PeerConfig[];
  /** Interfaces whose number is to be another one are here and among the new ones. */
  readonly replacedTuns: readonly number[];
  readonly newTuns: readonly TunConfig[];
  readonly filter: FilterConfig | undefined;
  readonly goneTuns: readonly number[];
  readonly gonePeers: readonly PublicKey[];
  readonly gateway: GatewayChange | undefined;
}

export type GatewayChange =
  /** In place of one that is there: with this key, on this port, without peers. */
  | {
      readonly type: 'open';
      readonly listenPort: number;
      readonly privateKey: PrivateKey;
      readonly peers: readonly PeerConfig[];
    }
  | {
      readonly type: 'change';
      readonly peers: readonly PeerConfig[];
      readonly gonePeers: readonly PublicKey[];
    }
  | { readonly type: 'close' };

/** The change from `before`, or from nothing, to `after`; undefined when there is none. */
export function diffConfig(
  before: DataplaneConfig | undefined,
  after: DataplaneConfig,
): ConfigChange | undefined {
  const change = { ...diffDevice(before?.device, after.device), ...diffTuns(before, after) };
  const filter = isDeepStrictEqual(before?.filter, after.filter) ? undefined : after.filter;
  const mtu = hostMtu(after);
  const whole: ConfigChange = {
    ...change,
    gateway: diffGateway(before?.gateway, after.gateway),
    filter,
    mtu: mtu === (before === undefined ? undefined : hostMtu(before)) ? undefined : mtu,
  };
  const empty = Object.values(whole).every((part) =>
    Array.isArray(part) ? part.length === 0 : part === undefined,
  );
  return empty ? undefined : whole;
}

/** The MTU of the host's own TUN, or undefined when there is none. */
export function hostMtu(config: DataplaneConfig): number | undefined {
  return config.tuns.find((tun) => tun.tun === HOST_TUN)?.mtu;
}

type DeviceChange = Pick<ConfigChange, 'privateKey' | 'peers' | 'gonePeers'>;

function diffDevice(before: DeviceConfig | undefined, after: DeviceConfig): DeviceChange {
  const old = new Map(before?.peers.map((peer) => [toBase64(peer.publicKey), peer]));
  const peers: PeerConfig[] = [];
  for (const peer of after.peers) {
    const key = toBase64(peer.publicKey);
    const known = old.get(key);
    old.delete(key);
    if (known === undefined || !isSamePeer(known, peer)) peers.push(peer);
  }
  const sameKey = isSameKey(before?.privateKey, after.privateKey);
  return {
    privateKey: sameKey ? undefined : after.privateKey,
    peers,
    gonePeers: [...old.values()].map((peer) => peer.publicKey),
  };
}

function diffGateway(
  before: GatewayConfig | undefined,
  after: GatewayConfig | undefined,
): GatewayChange | undefined {
  if (after === undefined) return before === undefined ? undefined : { type: 'close' };
  const { listenPort, device } = after;
  const { privateKey, peers, gonePeers } = diffDevice(before?.device, device);
  if (privateKey !== undefined || listenPort !== before?.listenPort) {
    return { type: 'open', listenPort, privateKey: device.privateKey, peers: device.peers };
  }
  const isSame = peers.length === 0 && gonePeers.length === 0;
  return isSame ? undefined : { type: 'change', peers, gonePeers };
}

/** Two peers with one public key. */
function isSamePeer(one: PeerConfig, other: PeerConfig): boolean {
  const { presharedKey: oneKey, publicKey: _one, ...oneRest } = one;
  const { presharedKey: otherKey, publicKey: _other, ...otherRest } = other;
  return isSameKey(oneKey, otherKey) && isDeepStrictEqual(oneRest, otherRest);
}

/** By the bytes, whatever holds them: a secret in text could not be wiped. */
function isSameKey(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return equalConstantTime(one, other);
}

type TunChange = Pick<ConfigChange, 'replacedTuns' | 'newTuns' | 'goneTuns'>;

/** The MTU is not compared: whoever configures the link sets it on a living interface. */
function diffTuns(before: DataplaneConfig | undefined, after: DataplaneConfig): TunChange {
  const old = new Map(before?.tuns.map((tun) => [tun.tun, tun]));
  const newTuns: TunConfig[] = [];
  const replacedTuns: number[] = [];
  for (const tun of after.tuns) {
    const known = old.get(tun.tun);
    old.delete(tun.tun);
    if (known !== undefined && isSameInterface(known, tun)) continue;
    if (known !== undefined) replacedTuns.push(tun.tun);
    newTuns.push(tun);
  }
  return { replacedTuns, newTuns, goneTuns: [...old.keys()] };
}

function isSameInterface(one: TunConfig, other: TunConfig): boolean {
  if (one.movable === true && other.movable === true) return true;
  return (
    one.name === other.name &&
    one.namespace === other.namespace &&
    (one.persistent ?? false) === (other.persistent ?? false)
  );
}
