// What the filter says about a packet: the verdict, for a drop its reason and the ICMPv6 answer
// that is due, for a pass the rule that let it. Small integers, because they are made for every
// packet.

/** Where a packet goes. */
export const Verdict = {
  /** Nowhere; `dropReason` says why, `rejection` which answer is due. */
  Drop: 0,
  /** To a TUN of this host, `verdictTun`: an instance or the host's own `p6n0`. */
  ToTun: 1,
  /** Through the mesh, to the peer that the device's routes find by the destination. */
  ToPeer: 2,
  /** Through the gateway, to a WireGuard peer of this host. */
  ToGatewayPeer: 3,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** The number of `p6n0`, the host's own TUN; instances have the numbers of FilterInstance. */
export const HOST_TUN = 0;

/** The ICMPv6 error that a dropped packet's sender is owed. */
export const Rejection = {
  None: 0,
  NoRoute: 1,
  AdministrativelyProhibited: 2,
  AddressUnreachable: 3,
  /** Not of the filter: the packet does not fit the path. */
  PacketTooBig: 4,
} as const;
export type Rejection = (typeof Rejection)[keyof typeof Rejection];

/** By Rejection: its name for people and programs. */
export const REJECTION_NAMES: readonly string[] = [
  'none',
  'no-route',
  'administratively-prohibited',
  'address-unreachable',
  'packet-too-big',
];

/** The rule by which a packet passes. */
export const PassRule = {
  Instance: 0,
  WireguardPeer: 1,
  OtherHost: 2,
  NameserverAnswer: 3,
  DoorEcho: 4,
  DoorNames: 5,
  DoorServer: 6,
  DoorEnrolment: 7,
  DoorFlow: 8,
  DoorRelatedError: 9,
  DoorApi: 10,
} as const;
export type PassRule = (typeof PassRule)[keyof typeof PassRule];

export const PASS_RULE_COUNT = 11;

export interface RuleText {
  /** Kebab-case, for programs. */
  readonly name: string;
  /** One sentence for people. */
  readonly sentence: string;
}

export const PASS_RULES: Readonly<Record<PassRule, RuleText>> = {
  [PassRule.Instance]: {
    name: 'instance',
    sentence: 'The destination is a running instance of this host in the network of the source.',
  },
  [PassRule.WireguardPeer]: {
    name: 'wireguard-peer',
    sentence: 'The destination is a WireGuard peer of this host in the network of the source.',
  },
  [PassRule.OtherHost]: {
    name: 'other-host',
    sentence: 'The destination is on another host, which judges the packet again.',
  },
  [PassRule.NameserverAnswer]: {
    name: 'nameserver-answer',
    sentence: 'The name server of this host answers an instance or a WireGuard peer of this host.',
  },
  [PassRule.DoorEcho]: {
    name: 'door-echo',
    sentence: 'This host answers ICMPv6 echo requests.',
  },
  [PassRule.DoorNames]: {
    name: 'door-names',
    sentence: 'The name server of this host takes questions on port 53.',
  },
  [PassRule.DoorServer]: {
    name: 'door-server',
    sentence: 'This host is a server and takes requests of hosts on port 6600.',
  },
  [PassRule.DoorEnrolment]: {
    name: 'door-enrolment',
    sentence: 'This host is a server and takes enrolments of its invites on port 6601.',
  },
  [PassRule.DoorFlow]: {
    name: 'door-flow',
    sentence: 'The packet answers a flow that this host began.',
  },
  [PassRule.DoorRelatedError]: {
    name: 'door-related-error',
    sentence: 'The ICMPv6 error is about a packet that this host sent.',
  },
  [PassRule.DoorApi]: {
    name: 'door-api',
    sentence: 'This host takes requests of instances and WireGuard peers on port 4280.',
  },
};
