// Every reason for which the filter drops a packet: its name in counters, one sentence for people,
// and the ICMPv6 answer that it earns. One drop has one reason and moves one counter.

import { Rejection, type RuleText } from './verdict.ts';

export const DropReason = {
  // The packet itself.
  Truncated: 0,
  Ipv4: 1,
  NotIp: 2,
  LengthMismatch: 3,
  Jumbogram: 4,
  Unspecified: 5,
  Loopback: 6,
  Multicast: 7,
  LinkLocal: 8,
  HopByHop: 9,
  RoutingHeader: 10,
  ExtensionHeaderTruncated: 11,
  ExtensionHeadersTooMany: 12,
  NeighbourDiscovery: 13,
  // Where it came from.
  UnknownTun: 14,
  UnknownHostPeer: 15,
  UnknownWireguardPeer: 16,
  SourceNotInstance: 17,
  SourceNotThisHost: 18,
  SourceNotPeerHost: 19,
  SourceNotWireguardPeer: 20,
  SourceOutsidePlan: 21,
  // Where it wants to go.
  DestinationOutsideSite: 22,
  DestinationOutsidePlan: 23,
  ServiceAddress: 24,
  InfrastructureNetwork: 25,
  OtherNetwork: 26,
  UnknownNetwork: 27,
  OtherRegion: 28,
  InviteLimited: 29,
  Transit: 30,
  UnknownHost: 31,
  NoSuchInstance: 32,
  NoSuchWireguardPeer: 33,
  Hairpin: 34,
  NameserverElsewhere: 35,
  NameserverAnswersOnly: 36,
  // The door to p6n0.
  DoorFragment: 37,
  DoorExtensionHeader: 38,
  DoorTruncated: 39,
  DoorProtocol: 40,
  DoorClosed: 41,
  DoorIcmpv6Type: 42,
  DoorUnrelatedError: 43,
  // What WireGuard peers reach.
  PeerToPeer: 44,
  PeerToHost: 45,
} as const;
export type DropReason = (typeof DropReason)[keyof typeof DropReason];

export const DROP_REASON_COUNT = 46;

export interface DropReasonText extends RuleText {
  /** What a sender on this host, or a WireGuard peer of it, is told. */
  readonly localAnswer: Rejection;
  /** What a sender behind another host is told, through the tunnel. */
  readonly remoteAnswer: Rejection;
}

/**
 * By DropReason. Only a sender whose source is proven is answered: the answer to a forged source
 * would meet somebody else.
 */
export const DROP_REASONS: Readonly<Record<DropReason, DropReasonText>> = {
  [DropReason.Truncated]: silent('truncated', 'The packet is shorter than an IPv6 header.'),
  [DropReason.Ipv4]: silent('ipv4', 'The packet is IPv4, and the mesh carries IPv6 only.'),
  [DropReason.NotIp]: silent('not-ip', 'The version in the header is neither 4 nor 6.'),
  [DropReason.LengthMismatch]: silent(
    'length-mismatch',
    'The length in the header is not that of the packet.',
  ),
  [DropReason.Jumbogram]: silent(
    'jumbogram',
    'The packet is a jumbogram, longer than 65,535 bytes behind its header.',
  ),
  [DropReason.Unspecified]: silent('unspecified', 'The source or the destination is `::`.'),
  [DropReason.Loopback]: silent('loopback', 'The source or the destination is `::1`.'),
  [DropReason.Multicast]: silent(
    'multicast',
    'The source or the destination is multicast, which the mesh does not carry.',
  ),
  [DropReason.LinkLocal]: silent(
    'link-local',
    'The source or the destination is link-local, and no link reaches beyond its interface.',
  ),
  [DropReason.HopByHop]: silent(
    'hop-by-hop',
    'A hop-by-hop header asks every node on the way to act on it, and this one does not.',
  ),
  [DropReason.RoutingHeader]: silent(
    'routing-header',
    'A routing header names further destinations, which nobody could judge.',
  ),
  [DropReason.ExtensionHeaderTruncated]: silent(
    'extension-header-truncated',
    'An extension header ends behind the packet.',
  ),
  [DropReason.ExtensionHeadersTooMany]: silent(
    'extension-headers-too-many',
    'The packet has more than eight extension headers.',
  ),
  [DropReason.NeighbourDiscovery]: silent(
    'neighbour-discovery',
    'Neighbour discovery belongs to one link, and the mesh has no neighbours.',
  ),
  [DropReason.UnknownTun]: silent(
    'unknown-tun',
    'The packet came from a TUN that belongs to no running instance.',
  ),
  [DropReason.UnknownHostPeer]: silent(
    'unknown-host-peer',
    'The packet came through the tunnel to a host that this host does not know.',
  ),
  [DropReason.UnknownWireguardPeer]: silent(
    'unknown-wireguard-peer',
    'The packet came through the tunnel to a WireGuard peer that this host does not know.',
  ),
  [DropReason.SourceNotInstance]: silent(
    'source-not-instance',
    "The source is not in the /112 of the sender's instance.",
  ),
  [DropReason.SourceNotThisHost]: silent(
    'source-not-this-host',
    'The packet came from p6n0, and its source is not an address of this host.',
  ),
  [DropReason.SourceNotPeerHost]: silent(
    'source-not-peer-host',
    'The source is not behind the host whose tunnel the packet came through.',
  ),
  [DropReason.SourceNotWireguardPeer]: silent(
    'source-not-wireguard-peer',
    'The source is not the address of the WireGuard peer that sent the packet.',
  ),
  [DropReason.SourceOutsidePlan]: silent(
    'source-outside-plan',
    'The source stands for nothing: no host, instance or WireGuard peer has such an address.',
  ),
  [DropReason.DestinationOutsideSite]: noRoute(
    'destination-outside-site',
    'The destination is not in fdaa::/16.',
  ),
  [DropReason.DestinationOutsidePlan]: noRoute(
    'destination-outside-plan',
    'The destination stands for nothing: no host, instance or WireGuard peer has such an address.',
  ),
  [DropReason.ServiceAddress]: noRoute(
    'service-address',
    'The destination is a service address, and no service has one.',
  ),
  [DropReason.InfrastructureNetwork]: prohibited(
    'infrastructure-network',
    'Network 0 is for hosts and invites only.',
  ),
  [DropReason.OtherNetwork]: prohibited(
    'other-network',
    'The source and the destination are of different networks.',
  ),
  [DropReason.UnknownNetwork]: absent(
    'unknown-network',
    'This host has nothing in the network of the packet.',
  ),
  [DropReason.OtherRegion]: prohibited(
    'other-region',
    'The network is region-scoped, and source and destination are in different regions.',
  ),
  [DropReason.InviteLimited]: prohibited(
    'invite-limited',
    'An invite reaches the enrolment port of the server that made it and nothing else.',
  ),
  [DropReason.Transit]: silent(
    'transit',
    'The packet came from a host and is for none of the addresses behind this one.',
  ),
  [DropReason.UnknownHost]: noRoute(
    'unknown-host',
    'The destination is on a host that this host does not know.',
  ),
  [DropReason.NoSuchInstance]: absent(
    'no-such-instance',
    'No instance with this address runs on this host.',
  ),
  [DropReason.NoSuchWireguardPeer]: absent(
    'no-such-wireguard-peer',
    'This host has no WireGuard peer with this address.',
  ),
  [DropReason.Hairpin]: {
    ...silent('hairpin', 'The destination is behind the interface that the packet came from.'),
    localAnswer: Rejection.AddressUnreachable,
  },
  [DropReason.NameserverElsewhere]: silent(
    'nameserver-elsewhere',
    'The name server of a host answers the instances and WireGuard peers of that host only.',
  ),
  [DropReason.NameserverAnswersOnly]: prohibited(
    'nameserver-answers-only',
    "From the name server's addresses come its answers to this host's instances and peers only.",
  ),
  [DropReason.DoorFragment]: silent('door-fragment', 'Fragments do not pass to the host itself.'),
  [DropReason.DoorExtensionHeader]: prohibited(
    'door-extension-header',
    'Packets with extension headers do not pass to the host itself.',
  ),
  [DropReason.DoorTruncated]: silent(
    'door-truncated',
    'The packet to the host itself is shorter than its transport header.',
  ),
  [DropReason.DoorProtocol]: prohibited(
    'door-protocol',
    'Only UDP, TCP and ICMPv6 pass to the host itself.',
  ),
  [DropReason.DoorClosed]: prohibited(
    'door-closed',
    'The host itself serves nothing at this port to this source and began no such flow.',
  ),
  [DropReason.DoorIcmpv6Type]: prohibited(
    'door-icmpv6-type',
    'Of ICMPv6, only echo and errors pass to the host itself.',
  ),
  [DropReason.DoorUnrelatedError]: silent(
    'door-unrelated-error',
    'The ICMPv6 error is not about a packet that this host sent.',
  ),
  [DropReason.PeerToPeer]: prohibited(
    'peer-to-peer',
    'A WireGuard peer reaches instances and the name server, and no other WireGuard peer.',
  ),
  [DropReason.PeerToHost]: prohibited(
    'peer-to-host',
    'A WireGuard peer reaches instances and the name server, and no host.',
  ),
};

function silent(name: string, sentence: string): DropReasonText {
  return { name, sentence, localAnswer: Rejection.None, remoteAnswer: Rejection.None };
}

function noRoute(name: string, sentence: string): DropReasonText {
  return { ...silent(name, sentence), localAnswer: Rejection.NoRoute };
}

function prohibited(name: string, sentence: string): DropReasonText {
  return { ...silent(name, sentence), localAnswer: Rejection.AdministrativelyProhibited };
}

/** The host field of the destination says this host, and nothing is there. */
function absent(name: string, sentence: string): DropReasonText {
  const answer = Rejection.AddressUnreachable;
  return { ...silent(name, sentence), localAnswer: answer, remoteAnswer: answer };
}
