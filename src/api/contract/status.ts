// This host at a glance: who it is, whom it reaches, what runs here, what was dropped and why.

import { Type } from 'typebox';
import { type Contract, contract, strictObject } from './schema.ts';

export interface StatusHost {
  readonly id: number;
  readonly name: string;
  readonly region: string;
  readonly role: 'server' | 'agent';
  readonly address: string;
  readonly public_key: string;
  readonly listen_port: number;
  /** Absent while there are no WireGuard peers here. */
  readonly gateway?: StatusGateway;
  readonly endpoints: readonly string[];
  readonly state_dir: string;
}

export interface StatusGateway {
  /** UDP, for WireGuard peers. */
  readonly port: number;
  /** Whether it could be opened. */
  readonly open: boolean;
}

export interface StatusRegistry {
  /**
   * On a server whether its registry answers; elsewhere whether a server is followed or none is
   * reached.
   */
  readonly state: 'serving' | 'unavailable' | 'following' | 'unreachable';
  /** Of one that is unavailable: its last answer, milliseconds since 1970. */
  readonly since?: number;
  /** Where this host's copy stands: `INCARNATION/NUMBER`. */
  readonly revision?: string;
}

export interface StatusPeer {
  /** The host's name, or what the peer is where it is no host: `invite 3`, `peer anna`. */
  readonly name: string;
  readonly public_key: string;
  readonly address?: string;
  readonly endpoint?: string;
  /** Milliseconds since 1970; absent when there was none. */
  readonly last_handshake_at?: number;
  readonly received_bytes: number;
  readonly sent_bytes: number;
  /** The longest packet that goes to it whole; absent until one was long enough to ask. */
  readonly path_mtu?: number;
}

export interface StatusInstance {
  readonly id: string;
  readonly name: string;
  readonly app: string;
  readonly network: string;
  readonly address: string;
  readonly state: string;
}

/** A change of this host's key that waits for other hosts. */
export interface StatusKeyChange {
  /** Milliseconds since 1970. */
  readonly since: number;
  /** The first of those that are not ready, by their names. */
  readonly missing: readonly string[];
}

export interface StatusView {
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly started_at: number;
  readonly host: StatusHost;
  readonly registry: StatusRegistry;
  readonly key_change?: StatusKeyChange;
  readonly peers: readonly StatusPeer[];
  readonly instances: readonly StatusInstance[];
  /** Packets and datagrams dropped since the start, by reason; reasons without any are absent. */
  readonly drops: Readonly<Record<string, number>>;
  /** Questions to the name server by result, and what else it counts; without what is zero. */
  readonly names: Readonly<Record<string, number>>;
}

const host = strictObject({
  id: Type.Integer(),
  name: Type.String(),
  region: Type.String(),
  role: Type.Union([Type.Literal('server'), Type.Literal('agent')]),
  address: Type.String(),
  public_key: Type.String(),
  listen_port: Type.Integer(),
  gateway: Type.Optional(strictObject({ port: Type.Integer(), open: Type.Boolean() })),
  endpoints: Type.Array(Type.String()),
  state_dir: Type.String(),
});

const registry = strictObject({
  state: Type.Union([
    Type.Literal('serving'),
    Type.Literal('unavailable'),
    Type.Literal('following'),
    Type.Literal('unreachable'),
  ]),
  since: Type.Optional(Type.Number()),
  revision: Type.Optional(Type.String()),
});

const peer = strictObject({
  name: Type.String(),
  public_key: Type.String(),
  address: Type.Optional(Type.String()),
  endpoint: Type.Optional(Type.String()),
  last_handshake_at: Type.Optional(Type.Number()),
  received_bytes: Type.Number(),
  sent_bytes: Type.Number(),
  path_mtu: Type.Optional(Type.Number()),
});

const instance = strictObject({
  id: Type.String(),
  name: Type.String(),
  app: Type.String(),
  network: Type.String(),
  address: Type.String(),
  state: Type.String(),
});

export const STATUS_VIEW: Contract<StatusView> = contract<StatusView>()(
  strictObject({
    version: Type.String(),
    started_at: Type.Number(),
    host,
    registry,
    key_change: Type.Optional(
      strictObject({ since: Type.Number(), missing: Type.Array(Type.String()) }),
    ),
    peers: Type.Array(peer),
    instances: Type.Array(instance),
    drops: Type.Record(Type.String(), Type.Number()),
    names: Type.Record(Type.String(), Type.Number()),
  }),
);
