// The plan of addresses: what the bits of an address in fdaa::/16 say.
//
//  0        16              48              80              112      128
//  +--------+---------------+---------------+---------------+--------+
//  |  fdaa  |  network id   |    host id    |  instance id  |  slot  |
//  +--------+---------------+---------------+---------------+--------+
//
// Two addresses are of one network exactly when bits 16-47 match. An instance has a /112 and uses
// slot 2. Numbers below 0x10000 in the host or instance field mark the services and hosts
// themselves:
//
//  fdaa::3                   the name server, from every instance      (all fields zero, slot 3)
//  fdaa:N:N::3               the same server, for network N
//  fdaa:0:0:H:H::1           host H                                    (network 0, slot 1)
//  fdaa:N:N:H:H:0:0:1        host H's presence in network N            (the same with N above 0)
//  fdaa:N:N:H:H:0:a:n        WireGuard peer n behind gateway host H    (instance field 0xa, slot n)
//  fdaa:N:N:0:1:...          service addresses                         (host field 1)

import { assert } from '../base/assert.ts';
import { formatIpv6, IPV6_ADDRESS_BYTES, type Ipv6Address, parseIpv6 } from '../ip/ipv6-address.ts';
import {
  type HostId,
  INFRASTRUCTURE_NETWORK,
  type InstanceId,
  isHostId,
  isInstanceId,
  isNetworkId,
  type NetworkId,
} from './ids.ts';

/** Offsets of the fields in the 16 bytes of an address. */
export const SITE_OFFSET = 0;
export const NETWORK_OFFSET = 2;
export const HOST_OFFSET = 6;
export const INSTANCE_OFFSET = 10;
export const SLOT_OFFSET = 14;

/** The first 16 bits of every address. */
export const SITE_PREFIX = 0xfdaa;
export const SITE_ROUTE = 'fdaa::/16';
export const NETWORK_PREFIX_BITS = 48;
export const INSTANCE_PREFIX_BITS = 112;

export const HOST_SLOT = 1;
export const INSTANCE_SLOT = 2;
export const NAMESERVER_SLOT = 3;
/** The instance field of every WireGuard peer; its slot counts from 1. */
export const WIREGUARD_PEER_FIELD = 0xa;
/** A slot has 16 bits. */
export const WIREGUARD_PEER_MAX = 0xffff;
/** The host field of service addresses, which belong to no host. */
export const SERVICE_HOST_FIELD = 1;

/** The name server as every instance knows it. */
export const NAMESERVER_ADDRESS: Ipv6Address = 'fdaa::3' as Ipv6Address;

/** What an address of the plan stands for. */
export type AddressKind =
  | { readonly kind: 'nameserver'; readonly network: NetworkId }
  | { readonly kind: 'host'; readonly network: NetworkId; readonly host: HostId }
  | {
      readonly kind: 'instance';
      readonly network: NetworkId;
      readonly host: HostId;
      readonly instance: InstanceId;
      readonly slot: number;
    }
  | {
      readonly kind: 'wireguard-peer';
      readonly network: NetworkId;
      readonly host: HostId;
      readonly peer: number;
    }
  | { readonly kind: 'service'; readonly network: NetworkId };

/** The address of an instance: slot 2 of its /112. */
export function instanceAddress(
  network: NetworkId,
  host: HostId,
  instance: InstanceId,
): Ipv6Address {
  assert(isNetworkId(network), 'instanceAddress: instances live in tenant networks only');
  return compose(network, host, instance, INSTANCE_SLOT);
}

/** `fdaa:0:0:H:H::1`, the address of a host. */
export function hostAddress(host: HostId): Ipv6Address {
  return compose(INFRASTRUCTURE_NETWORK, host, 0, HOST_SLOT);
}

/** `fdaa:N:N:H:H:0:0:1`, a host's own presence in a network. */
export function presenceAddress(network: NetworkId, host: HostId): Ipv6Address {
  return compose(network, host, 0, HOST_SLOT);
}

/**
 * `fdaa:N:N:H:H:0:a:n`, peer `n` (1 to 65,535) of a network behind gateway host `host`; an invite
 * in network 0.
 */
export function wireguardPeerAddress(network: NetworkId, host: HostId, peer: number): Ipv6Address {
  assert(isPeerNumber(peer), 'wireguardPeerAddress: bad number');
  return compose(network, host, WIREGUARD_PEER_FIELD, peer);
}

export function isPeerNumber(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= WIREGUARD_PEER_MAX;
}

/** `fdaa:N:N::3`, the name server for a network. */
export function networkNameserverAddress(network: NetworkId): Ipv6Address {
  return compose(network, 0, 0, NAMESERVER_SLOT);
}

/** `fdaa:N:N::/48`. */
export function networkPrefix(network: NetworkId): string {
  return `${compose(network, 0, 0, 0)}/${NETWORK_PREFIX_BITS}`;
}

/** Whether the address in `text` is in fdaa::/16, whatever it stands for there. */
export function isSiteAddress(text: string): boolean {
  const bytes = parseIpv6(text);
  return bytes !== undefined && new DataView(bytes.buffer).getUint16(SITE_OFFSET) === SITE_PREFIX;
}

/**
 * What the address in `text` stands for, or undefined when it is not an IPv6 address of the plan.
 */
export function classifyAddress(text: string): AddressKind | undefined {
  const bytes = parseIpv6(text);
  if (bytes === undefined) return undefined;
  const view = new DataView(bytes.buffer);
  if (view.getUint16(SITE_OFFSET) !== SITE_PREFIX) return undefined;
  const network = view.getUint32(NETWORK_OFFSET) as NetworkId;
  if (network !== INFRASTRUCTURE_NETWORK && !isNetworkId(network)) return undefined;
  const host = view.getUint32(HOST_OFFSET);
  const instance = view.getUint32(INSTANCE_OFFSET);
  const slot = view.getUint16(SLOT_OFFSET);
  if (host === 0 && instance === 0 && slot === NAMESERVER_SLOT)
    return { kind: 'nameserver', network };
  if (host === SERVICE_HOST_FIELD && network !== INFRASTRUCTURE_NETWORK)
    return { kind: 'service', network };
  return isHostId(host) ? classifyBehindHost(network, host, instance, slot) : undefined;
}

function classifyBehindHost(
  network: NetworkId,
  host: HostId,
  instance: number,
  slot: number,
): AddressKind | undefined {
  if (instance === 0 && slot === HOST_SLOT) return { kind: 'host', network, host };
  if (instance === WIREGUARD_PEER_FIELD && slot > 0) {
    return { kind: 'wireguard-peer', network, host, peer: slot };
  }
  if (network === INFRASTRUCTURE_NETWORK || !isInstanceId(instance)) return undefined;
  return { kind: 'instance', network, host, instance, slot };
}

function compose(network: number, host: number, instance: number, slot: number): Ipv6Address {
  const bytes = new Uint8Array(IPV6_ADDRESS_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(SITE_OFFSET, SITE_PREFIX);
  view.setUint32(NETWORK_OFFSET, network);
  view.setUint32(HOST_OFFSET, host);
  view.setUint32(INSTANCE_OFFSET, instance);
  view.setUint16(SLOT_OFFSET, slot);
  return formatIpv6(bytes);
}
