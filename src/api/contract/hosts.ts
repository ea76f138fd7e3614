// Hosts as people see them, and what a host says of itself.

import { Type } from 'typebox';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

/** A host announces at most this many endpoints. */
export const ENDPOINTS_MAX = 16;

export type HostRole = 'server' | 'agent';

export interface HostView {
  readonly id: number;
  readonly name: string;
  readonly region: string;
  readonly role: HostRole;
  /** `fdaa:0:0:H:H::1`. */
  readonly address: string;
  /** WireGuard public key, base64. */
  readonly public_key: string;
  /** `HOST:PORT` or `[IPV6]:PORT`, best first. */
  readonly endpoints: readonly string[];
  /** Milliseconds since 1970. */
  readonly created_at: number;
}

export interface HostList {
  readonly hosts: readonly HostView[];
}

/** What a host may change of its own record; absent fields stay. */
export interface HostUpdate {
  readonly region?: string;
  readonly endpoints?: readonly string[];
}

const text = Type.String({ maxLength: TEXT_LENGTH_MAX });

const host = strictObject({
  id: Type.Integer(),
  name: Type.String(),
  region: Type.String(),
  role: Type.Union([Type.Literal('server'), Type.Literal('agent')]),
  address: Type.String(),
  public_key: Type.String(),
  endpoints: Type.Array(Type.String()),
  created_at: Type.Number(),
});

export const HOST_VIEW: Contract<HostView> = contract<HostView>()(host);

export const HOST_LIST: Contract<HostList> = contract<HostList>()(
  strictObject({ hosts: Type.Array(host) }),
);

export const HOST_UPDATE: Contract<HostUpdate> = contract<HostUpdate>()(
  strictObject({
    region: Type.Optional(text),
    endpoints: Type.Optional(Type.Array(text, { maxItems: ENDPOINTS_MAX })),
  }),
);
