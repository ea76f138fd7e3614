// What this host shall be, as one value made from what is known: who it is, the copy of the
// registry, its own instances and invites. Pure: the same knowledge is the same plan.

import type { HostId, MachineId, NetworkId } from '../addressing/ids.ts';
import { INFRASTRUCTURE_NETWORK } from '../addressing/ids.ts';
import {
  hostAddress,
  NAMESERVER_ADDRESS,
  networkNameserverAddress,
  presenceAddress,
  SITE_ROUTE,
  wireguardPeerAddress,
} from '../addressing/layout.ts';
import { fromBase64 } from '../base/bytes.ts';
import type { WallMillis } from '../base/clock.ts';
import { type DataplaneConfig, HOST_TUN, type TunConfig } from '../dataplane/config.ts';
import type { EndpointAddress, PeerConfig } from '../device/config.ts';
import type { Zone } from '../dns/zone.ts';
import type { FilterConfig, FilterHost } from '../filter/config.ts';
import { isAddressText, parseHostPort } from '../ip/host-port.ts';
import type { Ipv6Address } from '../ip/ipv6-address.ts';
import type { LinkSettings } from '../os/links.ts';
import type { Invite, WireguardPeer } from '../registry/model.ts';
import type { JournalRecord } from './journal-record.ts';
import { planZone } from './plan-zone.ts';
import type { AgentIdentity, CopyView, KnownServer } from './ports.ts';

/** Every interface of p6n has this name in its namespace unless its owner wants another one. */
export const TUN_NAME = 'p6n0';
/** A host that only calls out is reached through what its NAT remembers. */
export const KEEPALIVE_SECONDS = 25;
const KEY_BYTES = 32;

type PlanNamespaces = ReadonlyMap<MachineId, string | undefined>;

export interface PlanInput {
  readonly identity: AgentIdentity;
  readonly copy: CopyView;
  /** The instances of this host, in any state. */
  readonly records: readonly JournalRecord[];
  /**
   * The namespaces of those that have one at the moment, by machine id; undefined is p6nd's own.
   */
  readonly namespaces: PlanNamespaces;
  /** Those whose names are not told any more, as they are about to stop. */
  readonly unnamed: ReadonlySet<MachineId>;
  readonly invites: readonly Invite[];
  /** Other hosts by the round trip to them, the nearest first; not those that do not answer. */
  readonly nearestHosts: readonly HostId[];
  /** The public keys, base64, that have completed a handshake since p6nd runs. */
  readonly handshakes: ReadonlySet<string>;
  /** Networks that an operator is in, besides those with something here. */
  readonly visited: ReadonlySet<NetworkId>;
  /** Where a host's endpoints lead, best first and none twice. */
  readonly lookupEndpoints: (endpoints: readonly string[]) => readonly EndpointAddress[];
  readonly now: WallMillis;
}

export interface Plan {
  readonly dataplane: DataplaneConfig;
  /** `p6n0` of the host itself. */
  readonly hostLink: LinkSettings;
  readonly instanceLinks: ReadonlyMap<MachineId, LinkSettings>;
  readonly zone: Zone;
  readonly listeners: readonly Ipv6Address[];
  /** The networks that this host has to follow. */
  readonly followed: ReadonlySet<NetworkId>;
  /** The host names among the endpoints. */
  readonly endpointNames: ReadonlySet<string>;
  /** When time alone changes the plan, or undefined. */
  readonly changesAt: WallMillis | undefined;
}

/** A network with an instance, a WireGuard peer or a visitor here. */
interface LiveNetwork {
  readonly id: NetworkId;
  readonly regionScoped: boolean;
}

export function plan(input: PlanInput): Plan {
  const { identity } = input;
  const live = input.records.filter((record) => isLive(record, input.namespaces));
  const ownPeers = [...(input.copy.wireguardPeers ?? [])].filter(
    ({ host }) => host === identity.hostId,
  );
  const guests = new Set([...input.visited, ...ownPeers.map(({ network }) => network)]);
  const networks = liveNetworks(input.copy, live, guests);
  const hosts = otherHosts(identity, input.copy);
  const invites = input.invites.filter((invite) => isServed(invite, input));
  return {
    dataplane: {
      listenPort: identity.listenPort,
      device: {
        privateKey: identity.privateKey,
        peers: [...hosts.flatMap((host) => hostPeer(host, input)), ...invites.flatMap(invitePeer)],
      },
      ...gateway(identity, ownPeers),
      filter: filterConfig(identity, { hosts, networks, live, invites, peers: ownPeers }),
      tuns: tuns(identity, live, input.namespaces),
    },
    hostLink: hostLink(identity, networks),
    // The owner of one that is handed over moves it and sets it up, at a time of its own.
    instanceLinks: new Map(
      live
        .filter(({ attachment }) => attachment?.handover === undefined)
        .map((record) => [
          record.instance.machineId,
          instanceLink(record, input.namespaces, identity.mtu),
        ]),
    ),
    zone: planZone(input, networks),
    listeners: [NAMESERVER_ADDRESS, ...networks.map(({ id }) => networkNameserverAddress(id))],
    followed: followedNetworks(input),
    endpointNames: endpointNames(hosts),
    changesAt: soonest(invites.map((invite) => invite.expiresAt)),
  };
}

/** Whether it takes part in the network: from its making on, while its namespace is there. */
function isLive(record: JournalRecord, namespaces: PlanNamespaces): boolean {
  const { machineId, state } = record.instance;
  return !record.removed && state !== 'stopped' && namespaces.has(machineId);
}

/** What the copy says of a network goes before what the journal remembers of it. */
function liveNetworks(
  copy: CopyView,
  live: readonly JournalRecord[],
  guests: ReadonlySet<NetworkId>,
): readonly LiveNetwork[] {
  const networks = new Map<NetworkId, LiveNetwork>();
  for (const { instance, network } of live) {
    networks.set(instance.network, { id: instance.network, regionScoped: network.regionScoped });
  }
  for (const { id, regionScoped } of copy.networks) {
    if (networks.has(id) || guests.has(id)) networks.set(id, { id, regionScoped });
  }
  return [...networks.values()].sort((a, b) => a.id - b.id);
}

/** A gateway has nothing on disk of its own that names its networks: the site says it. */
function followedNetworks({ copy, identity, records, visited }: PlanInput): Set<NetworkId> {
  const followed = new Set(visited);
  for (const { instance, removed } of records) if (!removed) followed.add(instance.network);
  for (const { host, networks } of copy.gateways ?? []) {
    if (host === identity.hostId) for (const network of networks) followed.add(network);
  }
  return followed;
}

/**
 * All hosts of the site but this one. The servers of the identity count only until the copy names
 * one: a server that was removed from the site must not stay a peer. Without a copy they go before
 * what is believed of hosts, which may be as old as whatever this host was led away from.
 */
function otherHosts(identity: AgentIdentity, copy: CopyView): readonly KnownServer[] {
  const known = [...copy.hosts];
  const hosts = new Map<HostId, KnownServer>();
  const isNamed = copy.revision !== undefined && known.some(({ role }) => role === 'server');
  for (const host of known) hosts.set(host.id, host);
  for (const server of isNamed ? [] : identity.servers) hosts.set(server.id, server);
  hosts.delete(identity.hostId);
  return [...hosts.values()].sort((a, b) => a.id - b.id);
}

/** By its key, and by the next one while it changes its key: it may switch at any moment. */
function hostPeer(host: KnownServer, input: PlanInput): PeerConfig[] {
  const publicKey = parseKey(host.publicKey);
  if (publicKey === undefined) return [];
  const nextKey = host.next === undefined ? undefined : parseKey(host.next.publicKey);
  const places = [...host.endpoints, ...Object.values(host.observed ?? {})];
  const [endpoint, ...alternatives] = input.lookupEndpoints(places);
  const callsOut = input.identity.callsOut && endpoint !== undefined;
  return [
    {
      publicKey,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(alternatives.length === 0 ? {} : { alternatives }),
      ...(callsOut ? { persistentKeepaliveSeconds: KEEPALIVE_SECONDS } : {}),
      route: { kind: 'host', hostId: host.id, key: 'current' },
    },
    ...(nextKey === undefined
      ? []
      : [{ publicKey: nextKey, route: { kind: 'host', hostId: host.id, key: 'next' } } as const]),
  ];
}

function invitePeer({ publicKey, server, number }: Invite): PeerConfig[] {
  return addressPeer(publicKey, wireguardPeerAddress(INFRASTRUCTURE_NETWORK, server, number));
}

/**
 * An invite works until it expires, or until the host that used it has spoken with its own key: an
 * answer that got lost can be asked for again.
 */
function isServed(invite: Invite, { identity, handshakes, now }: PlanInput): boolean {
  if (identity.role !== 'server' || invite.server !== identity.hostId) return false;
  if (invite.expiresAt <= now) return false;
  return invite.use === undefined || !handshakes.has(invite.use.publicKey);
}

/** There is none, and no socket, before somebody comes. */
function gateway(
  { gateway: own }: AgentIdentity,
  peers: readonly WireguardPeer[],
): Pick<DataplaneConfig, 'gateway'> {
  if (own === undefined || peers.length === 0) return {};
  const { listenPort, privateKey } = own;
  return { gateway: { listenPort, device: { privateKey, peers: peers.flatMap(gatewayPeer) } } };
}

function gatewayPeer(peer: WireguardPeer): PeerConfig[] {
  const { network, host, number } = peer;
  return addressPeer(peer.publicKey, wireguardPeerAddress(network, host, number));
}

/** A peer that is known only once it has spoken, with one address. */
function addressPeer(key: string, address: Ipv6Address): PeerConfig[] {
  const publicKey = parseKey(key);
  if (publicKey === undefined) return [];
  return [{ publicKey, route: { kind: 'prefixes', prefixes: [`${address}/128`] } }];
}

interface FilterFacts {
  readonly hosts: readonly FilterHost[];
  readonly networks: readonly LiveNetwork[];
  readonly live: readonly JournalRecord[];
  readonly invites: readonly Invite[];
  readonly peers: readonly WireguardPeer[];
}

function filterConfig(
  identity: AgentIdentity,
  { hosts, networks, live, invites, peers }: FilterFacts,
): FilterConfig {
  return {
    hostId: identity.hostId,
    region: identity.region,
    extraHostAddresses: [],
    server: identity.role === 'server',
    hosts: [
      { id: identity.hostId, region: identity.region },
      ...hosts.map(({ id, region }) => ({ id, region })),
    ],
    networks,
    instances: live.map(({ instance, tun }) => ({
      network: instance.network,
      instance: instance.instanceId,
      tun,
    })),
    wireguardPeers: [
      ...invites.map(({ number }) => ({ network: INFRASTRUCTURE_NETWORK, peer: number })),
      ...peers.map(({ network, number }) => ({ network, peer: number })),
    ],
  };
}

function tuns(
  { mtu }: AgentIdentity,
  live: readonly JournalRecord[],
  namespaces: PlanNamespaces,
): readonly TunConfig[] {
  return [
    { tun: HOST_TUN, name: TUN_NAME, namespace: undefined, mtu, persistent: true },
    ...live.map((record) => ({
      tun: record.tun,
      name: interfaceName(record, namespaces),
      namespace: namespaces.get(record.instance.machineId),
      mtu,
      persistent: true,
      ...(record.attachment?.handover === undefined ? {} : { movable: true }),
    })),
  ];
}

function interfaceName(
  { attachment, instance }: JournalRecord,
  namespaces: PlanNamespaces,
): string {
  const { handover, interfaceName: name = TUN_NAME } = attachment ?? {};
  const isInOwn = namespaces.get(instance.machineId) === undefined;
  return isInOwn ? (handover ?? name) : name;
}

function hostLink(identity: AgentIdentity, networks: readonly LiveNetwork[]): LinkSettings {
  return {
    namespace: undefined,
    name: TUN_NAME,
    mtu: identity.mtu,
    addresses: [
      { address: hostAddress(identity.hostId), preferred: true },
      { address: NAMESERVER_ADDRESS, preferred: false },
      ...networks.flatMap(({ id }) => [
        { address: networkNameserverAddress(id), preferred: false },
        { address: presenceAddress(id, identity.hostId), preferred: true },
      ]),
    ],
    routes: [SITE_ROUTE],
    exclusive: true,
  };
}

function instanceLink(
  record: JournalRecord,
  namespaces: PlanNamespaces,
  mtu: number,
): LinkSettings {
  const { instance } = record;
  return {
    namespace: namespaces.get(instance.machineId),
    name: interfaceName(record, namespaces),
    mtu,
    addresses: [{ address: instance.address, preferred: true }],
    routes: [SITE_ROUTE],
    exclusive: false,
  };
}

function endpointNames(hosts: readonly KnownServer[]): ReadonlySet<string> {
  const names = hosts
    .flatMap((host) => host.endpoints)
    .map((text) => parseHostPort(text)?.host)
    .filter((host) => host !== undefined && !isAddressText(host));
  return new Set(names as string[]);
}

function parseKey(text: string): PeerConfig['publicKey'] | undefined {
  const bytes = fromBase64(text);
  return bytes?.length === KEY_BYTES ? (bytes as PeerConfig['publicKey']) : undefined;
}

function soonest(moments: readonly WallMillis[]): WallMillis | undefined {
  return moments.length === 0 ? undefined : (Math.min(...moments) as WallMillis);
}
