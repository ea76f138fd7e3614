// Every reason for which the filter drops a packet: its name in counters, one sentence for people,
// and the ICMPv6 answer that it earns. One drop has one reason and moves one counter.

import type { Rejection, RuleText } from './verdict.ts';

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
} as const;
export type DropReason = (typeof DropReason)[keyof typeof DropReason];

export const DROP_REASON_COUNT = 44;

export interface DropReasonText extends RuleText {
  /** What a sender on this host or a WireGuard peer of it is told. */
  readonly localAnswer: Rejection;
  /** What a sender behind another host is told, through the tunnel. */
  readonly remoteAnswer: Rejection;
}
