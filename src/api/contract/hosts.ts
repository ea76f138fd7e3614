// Hosts as people see them, and what a host says of itself.

import { Type } from 'typebox';
import { ACKNOWLEDGED_MAX } from '../../registry/model.ts';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

/** A host announces at most this many endpoints. */
export const ENDPOINTS_MAX = 16;

export type HostRole = 'server' | 'agent';

/** How the host that is asked reaches another one. */
export interface HostPath {
  /** Whether the other has just answered. */
  readonly state: 'self' | 'reached' | 'no path';
  /** Through the mesh, milliseconds. */
  readonly round_trip_ms?: number;
  /** Where datagrams go. */
  readonly endpoint?: string;
  /** Milliseconds since 1970. */
  readonly last_handshake_at?: number;
}

export interface HostView {
  readonly id: number;
  readonly name: string;
  readonly region: string;
  readonly role: HostRole;
  /** `fdaa:0:0:H:H::1`. */
  readonly address: string;
  /** WireGuard public key, base64. */
  readonly public_key: string;
  /** Counts the keys that the host has had. */
  readonly key_generation: number;
  /** `HOST:PORT` or `[IPV6]:PORT`, best first. */
  readonly endpoints: readonly string[];
  /** Where servers see it, if that is none of its endpoints: behind a NAT. */
  readonly observed_endpoints: readonly string[];
  /** Whether servers hear of it; unknown for one that has never said so. */
  readonly liveness: HostLiveness;
  /** By the servers' clock, milliseconds since 1970. */
  readonly last_seen_at?: number;
  /** Since when its instances are stopped and named nowhere, milliseconds since 1970. */
  readonly drained_at?: number;
  /** Milliseconds since 1970. */
  readonly created_at: number;
  /** Where it was asked for, from the host that is asked. */
  readonly path?: HostPath;
}

export type HostLiveness = 'alive' | 'absent' | 'unknown';

/** What leads a host to where its site is served now. */
export interface Rehoming {
  /** For `p6nd --join` of that host alone; no secret. */
  readonly token: string;
}

export interface HostList {
  readonly hosts: readonly HostView[];
}

export interface HostFilter {
  /** With how each is reached from here. */
  readonly paths?: '1';
}

/** What a host tells a server again and again, so that it counts as alive. */
export interface Heartbeat {
  /** Next keys of hosts that it is ready for: `HOST/KEY`, of each key the beginning. */
  readonly acknowledged: readonly string[];
}

/** The key that a host changes to. */
export interface NextKey {
  /** WireGuard public key, base64. */
  readonly public_key: string;
}

/** Whether all others are ready for the next key of the host that asks. */
export interface NextKeyState {
  readonly ready: boolean;
  /** Ids of hosts that are not ready: the first of them. */
  readonly missing: readonly number[];
}

/** What a host may change of its own record; absent fields stay. */
export interface HostUpdate {
  readonly region?: string;
  readonly endpoints?: readonly string[];
}

const BASE64_KEY_PATTERN = '^[A-Za-z0-9+/]{43}=$';
const text = Type.String({ maxLength: TEXT_LENGTH_MAX });

const path = strictObject({
  state: Type.Union([Type.Literal('self'), Type.Literal('reached'), Type.Literal('no path')]),
  round_trip_ms: Type.Optional(Type.Number()),
  endpoint: Type.Optional(Type.String()),
  last_handshake_at: Type.Optional(Type.Number()),
});

const host = strictObject({
  id: Type.Integer(),
  name: Type.String(),
  region: Type.String(),
  role: Type.Union([Type.Literal('server'), Type.Literal('agent')]),
  address: Type.String(),
  public_key: Type.String(),
  key_generation: Type.Integer(),
  endpoints: Type.Array(Type.String()),
  observed_endpoints: Type.Array(Type.String()),
  liveness: Type.Union([Type.Literal('alive'), Type.Literal('absent'), Type.Literal('unknown')]),
  last_seen_at: Type.Optional(Type.Number()),
  drained_at: Type.Optional(Type.Number()),
  created_at: Type.Number(),
  path: Type.Optional(path),
});

export const HOST_VIEW: Contract<HostView> = contract<HostView>()(host);

export const HOST_LIST: Contract<HostList> = contract<HostList>()(
  strictObject({ hosts: Type.Array(host) }),
);

export const HOST_FILTER: Contract<HostFilter> = contract<HostFilter>()(
  strictObject({ paths: Type.Optional(Type.Literal('1')) }),
);

export const REHOMING: Contract<Rehoming> = contract<Rehoming>()(
  strictObject({ token: Type.String() }),
);

export const HEARTBEAT: Contract<Heartbeat> = contract<Heartbeat>()(
  strictObject({
    acknowledged: Type.Array(Type.String({ pattern: '^[0-9a-f]{8}/[0-9A-Za-z+/]{1,10}$' }), {
      maxItems: ACKNOWLEDGED_MAX,
    }),
  }),
);

export const NEXT_KEY: Contract<NextKey> = contract<NextKey>()(
  strictObject({ public_key: Type.String({ pattern: BASE64_KEY_PATTERN }) }),
);

export const NEXT_KEY_STATE: Contract<NextKeyState> = contract<NextKeyState>()(
  strictObject({ ready: Type.Boolean(), missing: Type.Array(Type.Integer()) }),
);

export const HOST_UPDATE: Contract<HostUpdate> = contract<HostUpdate>()(
  strictObject({
    region: Type.Optional(text),
    endpoints: Type.Optional(Type.Array(text, { maxItems: ENDPOINTS_MAX })),
  }),
);
