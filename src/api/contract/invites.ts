// Invites: a server lets one host in for each. The token is told once, when the invite is made.

import { Type } from 'typebox';
import { INVITE_TTL } from './protocol.ts';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

export type InviteState = 'open' | 'used' | 'expired';

export interface InviteView {
  /** Of the server that made it, which alone serves it. */
  readonly number: number;
  /** Name of that server. */
  readonly server: string;
  /** `fdaa:0:0:H:H:0:a:n`. */
  readonly address: string;
  readonly region?: string;
  readonly state: InviteState;
  /** Name of the host that used it. */
  readonly used_by?: string;
  /** Milliseconds since 1970. */
  readonly created_at: number;
  /** Milliseconds since 1970. */
  readonly expires_at: number;
}

export interface InviteList {
  readonly invites: readonly InviteView[];
}

export interface CreateInvite {
  readonly region?: string;
  readonly ttl_ms?: number;
  /** What the host becomes; `agent` where absent. */
  readonly role?: 'server' | 'agent';
}

export interface InviteCreated {
  readonly invite: InviteView;
  /** A secret: whoever has it may join one host. */
  readonly token: string;
}

const invite = strictObject({
  number: Type.Integer(),
  server: Type.String(),
  address: Type.String(),
  region: Type.Optional(Type.String()),
  state: Type.Union([Type.Literal('open'), Type.Literal('used'), Type.Literal('expired')]),
  used_by: Type.Optional(Type.String()),
  created_at: Type.Number(),
  expires_at: Type.Number(),
});

export const INVITE_VIEW: Contract<InviteView> = contract<InviteView>()(invite);

export const INVITE_LIST: Contract<InviteList> = contract<InviteList>()(
  strictObject({ invites: Type.Array(invite) }),
);

export const CREATE_INVITE: Contract<CreateInvite> = contract<CreateInvite>()(
  strictObject({
    region: Type.Optional(Type.String({ maxLength: TEXT_LENGTH_MAX })),
    ttl_ms: Type.Optional(Type.Integer({ minimum: INVITE_TTL.minMs, maximum: INVITE_TTL.maxMs })),
    role: Type.Optional(Type.Union([Type.Literal('server'), Type.Literal('agent')])),
  }),
);

export const INVITE_CREATED: Contract<InviteCreated> = contract<InviteCreated>()(
  strictObject({ invite, token: Type.String() }),
);
