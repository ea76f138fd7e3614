// The records of the registry, as they are stored, sent to followers and kept in copies.

import type { HostId, InstanceId, MachineId, NetworkId } from '../addressing/ids.ts';
import type { WallMillis } from '../base/clock.ts';
import type { Ipv6Address } from '../ip/ipv6-address.ts';

/** What the metadata of an instance may be at the most. */
export const METADATA_PAIRS_MAX = 64;
export const METADATA_KEY_LENGTH_MAX = 128;
export const METADATA_VALUE_LENGTH_MAX = 4_096;
/** Of all keys and values together, in UTF-8. */
export const METADATA_BYTES_MAX: number = 64 * 1_024;

/** How long an invite may be open; it is for INVITE_TTL_DEFAULT_MS unless it says otherwise. */
export const INVITE_TTL_DEFAULT_MS: number = 60 * 60 * 1_000;
export const INVITE_TTL_MIN_MS = 1_000;
export const INVITE_TTL_MAX_MS: number = 7 * 24 * 60 * 60 * 1_000;

/** How long a token may be good; it is for TOKEN_TTL_DEFAULT_MS unless it says otherwise. */
export const TOKEN_TTL_DEFAULT_MS: number = 30 * 24 * 60 * 60 * 1_000;
export const TOKEN_TTL_MIN_MS = 1_000;
export const TOKEN_TTL_MAX_MS: number = 3_660 * 24 * 60 * 60 * 1_000;

/** Hosts that change their keys at the same time; the others wait for their turn. */
export const ACKNOWLEDGED_MAX = 1_024;

/** A point in the registry's history. A restored or imported registry starts a new incarnation. */
export interface Revision {
  readonly incarnation: string;
  readonly number: number;
}

/** Where a follower goes on from. */
export interface FollowPosition extends Revision {
  /** Those of the networks it asks for of which it knows nothing as of that revision. */
  readonly lacks?: readonly NetworkId[];
}

/** The site as a whole: one record, made with the registry. */
export interface Site {
  readonly kind: 'site';
  /** 16 random hexadecimal digits. */
  readonly id: string;
  /** The Ed25519 public key of the site, base64; its secret half is in no registry. */
  readonly publicKey: string;
  /** Whether the p6nctl of every host may write networks, apps and WireGuard peers. */
  readonly hostOperatorsWrite: boolean;
  readonly createdAt: WallMillis;
}

/**
 * One of the site's Ed25519 keys. The one before vouches for it, so who knows one of them follows
 * the chain to the last, which signs hosts.
 */
export interface SiteKey {
  readonly kind: 'site-key';
  /** The id of the site. */
  readonly site: string;
  /** Counted up from 1. */
  readonly generation: number;
  /** Base64. */
  readonly publicKey: string;
  /** By this key itself, base64. */
  readonly signature: string;
  /** By the key before, base64; absent for the first one. */
  readonly endorsement?: string;
  readonly createdAt: WallMillis;
}

export interface Organization {
  readonly kind: 'organization';
  readonly name: string;
  readonly createdAt: WallMillis;
}

export interface Network {
  readonly kind: 'network';
  readonly id: NetworkId;
  /** As it was given; unique in its organization without regard to case. */
  readonly name: string;
  readonly organization: string;
  readonly regionScoped: boolean;
  readonly createdAt: WallMillis;
}

export interface App {
  readonly kind: 'app';
  /** Unique on the site. */
  readonly name: string;
  readonly organization: string;
  /** One network for life. */
  readonly network: NetworkId;
  readonly createdAt: WallMillis;
}

/** An app with the network that it is on. */
export interface AppOnNetwork {
  readonly app: App;
  readonly network: Network;
}

/** What a host is to the site: a server has the registry, an agent follows the servers. */
export type HostRole = 'server' | 'agent';

/** A WireGuard key of a host, and the site's word that it is. */
export interface HostKey {
  /** Base64. */
  readonly publicKey: string;
  /** Counted up from 1 with each key of the host. */
  readonly generation: number;
  /** Of the site over site, host id, name, public key, generation and role; base64. */
  readonly signature: string;
}

/** With the key that is in use. */
export interface Host extends HostKey {
  readonly kind: 'host';
  readonly id: HostId;
  readonly name: string;
  readonly region: string;
  /** The key that the host changes to, once all others have it. */
  readonly next?: HostKey;
  /** `HOST:PORT` or `[IPV6]:PORT`, best first; empty for a host that only calls out. */
  readonly endpoints: readonly string[];
  /** Where servers, by their ids, see its datagrams come from, if that is none of its endpoints. */
  readonly observed?: Readonly<Record<string, string>>;
  readonly role: HostRole;
  /** Since when its instances stop and are named nowhere, because an operator wants it so. */
  readonly drainedAt?: WallMillis;
  readonly createdAt: WallMillis;
}

/** That a host was taken out of the site, for good. */
export interface HostRemoval {
  readonly kind: 'host-removal';
  readonly host: HostId;
  /** Of the site, base64. */
  readonly signature: string;
  readonly removedAt: WallMillis;
}

/** That no server has heard of a host for a while: its instances are left out of names. */
export interface HostAbsence {
  readonly kind: 'host-absence';
  readonly host: HostId;
  readonly since: WallMillis;
}

export const CLOSURE_REASONS = ['restored', 'exported', 'importing'] as const;
export type ClosureReason = (typeof CLOSURE_REASONS)[number];

/** That the registry takes no writes. */
export interface Closure {
  readonly kind: 'closure';
  readonly reason: ClosureReason;
  readonly since: WallMillis;
  /** What an operator has to know of it. */
  readonly facts: string;
}

/** That servers hear of a host: it stands under a lease of the store. Never sent to followers. */
export interface HostLease {
  readonly kind: 'host-lease';
  readonly host: HostId;
  /** The server that hears of it. */
  readonly server: HostId;
  /** Next keys of hosts that it is ready for: `HOST/KEY`, of each key the beginning. */
  readonly acknowledged: readonly string[];
}

/**
 * What proves that a request from a host's address comes from its p6nd. Never sent to followers.
 */
export interface HostSecret {
  readonly kind: 'host-secret';
  readonly host: HostId;
  /** SHA-256 of the secret, hexadecimal. */
  readonly secretHash: string;
}

export interface Invite {
  readonly kind: 'invite';
  /** The server that made it and alone serves it. */
  readonly server: HostId;
  /** The `n` of its address `fdaa:0:0:H:H:0:a:n`. */
  readonly number: number;
  /** WireGuard public key, base64. */
  readonly publicKey: string;
  /** The region that the host will have where the joiner names none. */
  readonly region: string | undefined;
  /** What the host that uses it becomes. */
  readonly role: HostRole;
  readonly createdAt: WallMillis;
  readonly expiresAt: WallMillis;
  /** Of the site over all but the region and the use, base64. */
  readonly signature: string;
  readonly use: InviteUse | undefined;
}

export interface InviteUse {
  /** The public key of the host that used it, base64. */
  readonly publicKey: string;
  readonly host: HostId;
}

/** A token that was made, as far as it is no secret. Never sent to followers. */
export interface TokenRecord {
  readonly kind: 'token';
  /** 16 hexadecimal digits. */
  readonly id: string;
  /** What it is for, in somebody's words; may be empty. */
  readonly label: string;
  /** What it allows as it was made; its holder may have narrowed it. All verbs where absent. */
  readonly verbs?: readonly string[];
  readonly organizations?: readonly string[];
  readonly apps?: readonly string[];
  readonly createdAt: WallMillis;
  readonly expiresAt: WallMillis;
}

/** That a token, and all that was made of it, is good for nothing any more. */
export interface TokenRevocation {
  readonly kind: 'token-revocation';
  readonly id: string;
  readonly revokedAt: WallMillis;
  /** When the token ends by itself, and this record with it. */
  readonly expiresAt: WallMillis;
}

export type InstanceState = 'created' | 'started' | 'stopped';

/** Something that an instance serves, by a name under which others find its port. */
export interface InstanceService {
  /** As in SRV names: RFC 6335 section 5.1. Unique with its protocol. */
  readonly name: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
}

/** How an instance's host finds out whether a service (one over TCP) of it is well. */
export type InstanceCheck =
  | { readonly type: 'tcp'; readonly service: string }
  /** GET of `path`, which is absolute, must be answered with a status below 400. */
  | { readonly type: 'http'; readonly service: string; readonly path: string };

export type InstanceHealth = 'passing' | 'failing';

export interface Instance {
  readonly kind: 'instance';
  readonly machineId: MachineId;
  readonly app: string;
  readonly network: NetworkId;
  readonly host: HostId;
  readonly instanceId: InstanceId;
  readonly address: Ipv6Address;
  /** Unique on its host. */
  readonly name: string;
  readonly group: string;
  readonly region: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly state: InstanceState;
  /** What it declares to serve. */
  readonly services?: readonly InstanceService[];
  readonly checks?: readonly InstanceCheck[];
  /** Of a started instance with checks, once they have been run. */
  readonly health?: InstanceHealth;
  readonly createdAt: WallMillis;
  readonly updatedAt: WallMillis;
}

/** What the WireGuard peers of a gateway know it by; another key than the host's own. */
export interface GatewayKey {
  /** Base64. */
  readonly publicKey: string;
  /** `HOST:PORT` or `[IPV6]:PORT`, best first. */
  readonly endpoints: readonly string[];
  /** Of the site over site, host id and public key; base64. */
  readonly signature: string;
}

/** A host with WireGuard peers behind it. */
export interface Gateway {
  readonly kind: 'gateway';
  readonly host: HostId;
  /** Those with a peer behind it, in order: the host has to follow them. */
  readonly networks: readonly NetworkId[];
  /** Absent until the host has made one. */
  readonly key?: GatewayKey;
}

/** A laptop, or any other machine that is no host: one address in a network. */
export interface WireguardPeer {
  readonly kind: 'wireguard-peer';
  readonly network: NetworkId;
  /** Unique in its network. */
  readonly name: string;
  /** Its gateway. */
  readonly host: HostId;
  /** The `n` of its address `fdaa:N:N:H:H:0:a:n`; in its network never given out again. */
  readonly number: number;
  /** Base64; unique on the site. */
  readonly publicKey: string;
  /** Of the site over all but the time, base64. */
  readonly signature: string;
  readonly createdAt: WallMillis;
}

/** Which WireGuard peers of a network were removed, for good: one record, whatever their number. */
export interface PeerRemovals {
  readonly kind: 'peer-removals';
  readonly network: NetworkId;
  /** PeerNumbers as text. */
  readonly numbers: string;
  /** Of the site over site, network and numbers; base64. */
  readonly signature: string;
}

/** What followers may see of the registry. */
export type FollowedRecord =
  | Closure
  | SiteKey
  | Host
  | HostRemoval
  | HostAbsence
  | TokenRevocation
  | Gateway
  | Network
  | App
  | Instance
  | WireguardPeer
  | PeerRemovals;

/**
 * One step of what a server tells a follower. A reset starts anew: what was known before is void.
 */
export type FollowEvent =
  | { readonly type: 'reset' }
  | { readonly type: 'put'; readonly key: string; readonly record: FollowedRecord }
  | { readonly type: 'remove'; readonly key: string }
  /** All that was known at `revision` has been said. */
  | { readonly type: 'synced'; readonly revision: Revision };
