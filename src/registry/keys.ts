// Where everything stands in the store.
//
//  records/                             what followers may see, and nothing else
//    site-keys/GENERATION
//    hosts/HOST
//    removals/HOST                      of hosts that are gone for good
//    absences/HOST                      of hosts that no server hears of
//    revocations/TOKEN                  of tokens that are good for nothing any more
//    gateways/HOST                      of hosts with WireGuard peers
//    networks/NETWORK
//    apps/NETWORK/NAME
//    instances/NETWORK/HOST/MACHINE
//    wireguard-peers/NETWORK/NAME
//    peer-removals/NETWORK              of its WireGuard peers that are gone for good
//  site/                                seen by servers
//    site
//    organizations/NAME
//  private/                             never leaves the registry
//    host-secrets/HOST
//    host-leases/HOST                   under a lease that the host's p6nd renews
//    sightings/HOST                     of hosts that ever had a lease
//    invites/SERVER/NUMBER
//    tokens/TOKEN
//    closure                            why nothing may be written (closure.ts); followers see it
//    reports/HOST                       has said which ids it knows, after a restore
//  index/                               one key for each thing that must be unique
//    network-ids/NETWORK                every id that was ever given out
//    network-names/ORGANIZATION/NAME    in lower case; the network's id
//    app-names/NAME                     the network's id
//    host-counter                       the next host id
//    host-names/NAME                    the host's id
//    wireguard-keys/KEY                 of hosts, gateways, their peers and invites
//    peer-counters/NETWORK              the last number of a WireGuard peer
//    machines/MACHINE                   NETWORK/HOST of an instance
//    instance-ids/HOST/INSTANCE
//    instance-names/HOST/NAME
//  audit/PLACE                          who made the last change that stands there: audit.ts
//  use/                                 how many there are of something, also as a guard: who adds
//    organizations                      one or takes one away changes the count, so a transaction
//    servers                            that compares the count sees all of them
//    networks/ORGANIZATION
//    apps/NETWORK
//    instances-of-app/NAME
//    instances-of-host/HOST            absent once the host is being removed by force
//    invites/SERVER
//    tokens
//    revocations
//    peers-of-network/NETWORK
//    peers-of-host/HOST
//    peers-of-both/HOST/NETWORK
//
// Ids are hexadecimal of fixed width, so a prefix never meets another id.

import {
  type HostId,
  type InstanceId,
  isHostId,
  isNetworkId,
  type MachineId,
  type NetworkId,
} from '../addressing/ids.ts';
import { foldNetworkName } from '../addressing/names.ts';
import { fromBase64, toHex } from '../base/bytes.ts';

/** Everything that followers may see. */
export const RECORDS = 'records/';
export const SITE_KEYS = 'records/site-keys/';
export const HOSTS = 'records/hosts/';
export const REMOVALS = 'records/removals/';
export const ABSENCES = 'records/absences/';
export const REVOCATIONS = 'records/revocations/';
export const TOKENS = 'private/tokens/';
export const GATEWAYS = 'records/gateways/';
export const HOST_LEASES = 'private/host-leases/';
export const SIGHTINGS = 'private/sightings/';
export const NETWORKS = 'records/networks/';
export const APPS = 'records/apps/';
export const INSTANCES = 'records/instances/';
export const WIREGUARD_PEERS = 'records/wireguard-peers/';
export const PEER_REMOVALS = 'records/peer-removals/';
export const SITE = 'site/site';
export const ORGANIZATIONS = 'site/organizations/';
export const INVITES = 'private/invites/';
export const AUDIT = 'audit/';
export const CLOSURE = 'private/closure';
export const REPORTS = 'private/reports/';
/** Every id that was ever given out. */
export const NETWORK_IDS = 'index/network-ids/';
export const HOST_COUNTER = 'index/host-counter';
export const PEER_COUNTERS = 'index/peer-counters/';
export const ORGANIZATION_COUNT = 'use/organizations';
export const SERVER_COUNT = 'use/servers';
export const TOKEN_COUNT = 'use/tokens';
export const REVOCATION_COUNT = 'use/revocations';

const FOLLOWED_KEY = /^records\/([a-z-]+)\/([0-9a-f]{8})(?:\/|$)/;
const REVOCATION_KEY = /^records\/revocations\/[0-9a-f]{16}$/;
/**
 * Folders that make up the scope `hosts`, besides that of revocations, and those that networks
 * have.
 */
const OF_ALL_HOSTS: readonly string[] = ['site-keys', 'hosts', 'removals', 'absences', 'gateways'];
const OF_NETWORKS: readonly string[] = [
  ...['networks', 'apps', 'instances', 'wireguard-peers', 'peer-removals'],
];
const MACHINE_PLACE = /^([0-9a-f]{8})\/([0-9a-f]{8})$/;

export function siteKeyKey(generation: number): string {
  return `${SITE_KEYS}${hex(generation)}`;
}

export function absenceKey(host: HostId): string {
  return `${ABSENCES}${hex(host)}`;
}

export function hostLeaseKey(host: HostId): string {
  return `${HOST_LEASES}${hex(host)}`;
}

export function sightingKey(host: HostId): string {
  return `${SIGHTINGS}${hex(host)}`;
}

/** The host that a key of one of the folders by hosts is about. */
export function hostOfKey(key: string): HostId | undefined {
  return parseHostId(key.slice(key.lastIndexOf('/') + 1));
}

export function tokenKey(id: string): string {
  return `${TOKENS}${id}`;
}

export function revocationKey(id: string): string {
  return `${REVOCATIONS}${id}`;
}

export function removalKey(host: HostId): string {
  return `${REMOVALS}${hex(host)}`;
}

export function hostKey(host: HostId): string {
  return `${HOSTS}${hex(host)}`;
}

export function networkKey(network: NetworkId): string {
  return `${NETWORKS}${hex(network)}`;
}

export function appsOf(network: NetworkId): string {
  return `${APPS}${hex(network)}/`;
}

export function appKey(network: NetworkId, name: string): string {
  return `${appsOf(network)}${name}`;
}

export function instancesOf(network: NetworkId, host?: HostId): string {
  return `${INSTANCES}${hex(network)}/${host === undefined ? '' : `${hex(host)}/`}`;
}

export function instanceKey(network: NetworkId, host: HostId, machineId: MachineId): string {
  return `${instancesOf(network, host)}${machineId}`;
}

export function gatewayKey(host: HostId): string {
  return `${GATEWAYS}${hex(host)}`;
}

export function peersOf(network: NetworkId): string {
  return `${WIREGUARD_PEERS}${hex(network)}/`;
}

export function peerKey(network: NetworkId, name: string): string {
  return `${peersOf(network)}${name}`;
}

export function peerRemovalsKey(network: NetworkId): string {
  return `${PEER_REMOVALS}${hex(network)}`;
}

export function organizationKey(name: string): string {
  return `${ORGANIZATIONS}${name}`;
}

export function hostSecretKey(host: HostId): string {
  return `private/host-secrets/${hex(host)}`;
}

export function reportKey(host: HostId): string {
  return `${REPORTS}${hex(host)}`;
}

export function invitesOf(server: HostId): string {
  return `${INVITES}${hex(server)}/`;
}

export function inviteKey(server: HostId, number: number): string {
  return `${invitesOf(server)}${number.toString(16).padStart(4, '0')}`;
}

export function networkIdKey(network: NetworkId): string {
  return `${NETWORK_IDS}${hex(network)}`;
}

export function networkNameKey(organization: string, name: string): string {
  return `index/network-names/${organization}/${foldNetworkName(name)}`;
}

export function appNameKey(name: string): string {
  return `index/app-names/${name}`;
}

export function hostNameKey(name: string): string {
  return `index/host-names/${name}`;
}

/** `publicKey` is valid base64. */
export function wireguardKeyKey(publicKey: string): string {
  return `index/wireguard-keys/${toHex(fromBase64(publicKey) ?? new Uint8Array())}`;
}

export function peerCounterKey(network: NetworkId): string {
  return `${PEER_COUNTERS}${hex(network)}`;
}

export function machineKey(machineId: MachineId): string {
  return `index/machines/${machineId}`;
}

export function instanceIdKey(host: HostId, instance: InstanceId): string {
  return `index/instance-ids/${hex(host)}/${hex(instance)}`;
}

export function instanceNameKey(host: HostId, name: string): string {
  return `index/instance-names/${hex(host)}/${name}`;
}

export function networkCount(organization: string): string {
  return `use/networks/${organization}`;
}

export function appCount(network: NetworkId): string {
  return `use/apps/${hex(network)}`;
}

export function instanceCountOfApp(app: string): string {
  return `use/instances-of-app/${app}`;
}

export function instanceCountOfHost(host: HostId): string {
  return `use/instances-of-host/${hex(host)}`;
}

export function inviteCount(server: HostId): string {
  return `use/invites/${hex(server)}`;
}

export function peerCountOfNetwork(network: NetworkId): string {
  return `use/peers-of-network/${hex(network)}`;
}

export function peerCountOfHost(host: HostId): string {
  return `use/peers-of-host/${hex(host)}`;
}

export function peerCountOfBoth(host: HostId, network: NetworkId): string {
  return `use/peers-of-both/${hex(host)}/${hex(network)}`;
}

/** An id as it is written as a value. */
export function formatId(id: NetworkId | HostId): string {
  return hex(id);
}

export function parseNetworkId(text: string): NetworkId | undefined {
  const id = Number.parseInt(text, 16);
  return isNetworkId(id) && hex(id) === text ? id : undefined;
}

export function parseHostId(text: string): HostId | undefined {
  const id = Number.parseInt(text, 16);
  return isHostId(id) && hex(id) === text ? id : undefined;
}

/** Where an instance's record stands, as the value of its machine key. */
export function formatPlace(network: NetworkId, host: HostId): string {
  return `${hex(network)}/${hex(host)}`;
}

export function parsePlace(
  text: string,
): { readonly network: NetworkId; readonly host: HostId } | undefined {
  const match = MACHINE_PLACE.exec(text);
  const network = parseNetworkId(match?.[1] ?? '');
  const host = parseHostId(match?.[2] ?? '');
  return network === undefined || host === undefined ? undefined : { network, host };
}

/**
 * What a follower asks for as a whole: all that is of hosts, or a network with its apps
 * and instances.
 */
export type FollowedScope = 'hosts' | NetworkId;

/** Of which scope the record at `key` is, or undefined for what no follower may see. */
export function followedScope(key: string): FollowedScope | undefined {
  if (REVOCATION_KEY.test(key)) return 'hosts';
  if (key === CLOSURE) return 'hosts';
  const match = FOLLOWED_KEY.exec(key);
  if (match === null) return undefined;
  const [, folder = '', id = ''] = match;
  if (OF_ALL_HOSTS.includes(folder)) return 'hosts';
  return OF_NETWORKS.includes(folder) ? (Number.parseInt(id, 16) as NetworkId) : undefined;
}

function hex(id: number): string {
  return id.toString(16).padStart(8, '0');
}
