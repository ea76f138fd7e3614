// The registry as a whole, on a server: what it is, saving it to a file and reading it from one,
// and what hosts say of it after a restore. Files are named by their paths on the server.

import { Type } from 'typebox';
import { WIREGUARD_PEER_MAX } from '../../addressing/layout.ts';
import { PEER_NUMBERS_LENGTH_MAX } from '../../addressing/peer-numbers.ts';
import { FOLLOWED_NETWORKS_MAX } from './follow.ts';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

const PATH_LENGTH_MAX = 4_096;
const EXPORTS_MAX = 16;
const ID_MAX = 0xffff_ffff;

/** `empty` waits for an import; all but `open` take no writes. */
export type RegistryStateName = 'open' | 'empty' | 'restored' | 'exported' | 'importing';

export interface RegistryView {
  readonly state: RegistryStateName;
  readonly incarnation: string;
  readonly revision: number;
  /** Why it takes no writes. */
  readonly facts?: string;
  /** Since when, milliseconds since 1970. */
  readonly since?: number;
  /** How many hosts have said which ids they know, after a restore. */
  readonly reports: number;
}

export interface ExportRegistry {
  /** Absolute; written with mode 0600. */
  readonly path: string;
  /** The registry takes no writes from then on. */
  readonly close?: boolean;
}

export interface RegistryExported {
  readonly path: string;
  readonly entries: number;
}

export interface ImportRegistry {
  readonly path: string;
}

export interface AcceptRegistry {
  /** Files of exports whose ids are taken over. */
  readonly exports?: readonly string[];
}

/** What a host knows to be given out. */
export interface KnownIdsReport {
  readonly networks: readonly number[];
  readonly highest_host?: number;
  readonly peers?: readonly KnownPeersReport[];
}

/** What a host knows of the WireGuard peers of a network, with the site's signatures. */
export interface KnownPeersReport {
  readonly network: number;
  /** The peer with the highest number. */
  readonly last?: {
    readonly name: string;
    readonly host: number;
    readonly number: number;
    readonly public_key: string;
    readonly signature: string;
  };
  /** Numbers of peers that were removed, as bits in base64. */
  readonly removed?: { readonly numbers: string; readonly signature: string };
}

/** Of the peers of several networks in one report, characters: a body has 64 KiB at the most. */
export const PEERS_REPORT_LENGTH_MAX = 49_152;

const path = Type.String({ pattern: '^/', maxLength: PATH_LENGTH_MAX });

export const EXPORT_REGISTRY: Contract<ExportRegistry> = contract<ExportRegistry>()(
  strictObject({ path, close: Type.Optional(Type.Boolean()) }),
);

export const IMPORT_REGISTRY: Contract<ImportRegistry> = contract<ImportRegistry>()(
  strictObject({ path }),
);

export const ACCEPT_REGISTRY: Contract<AcceptRegistry> = contract<AcceptRegistry>()(
  strictObject({ exports: Type.Optional(Type.Array(path, { maxItems: EXPORTS_MAX })) }),
);

const id = Type.Integer({ minimum: 0, maximum: ID_MAX });
const text = Type.String({ maxLength: TEXT_LENGTH_MAX });
const knownPeers = strictObject({
  network: id,
  last: Type.Optional(
    strictObject({
      ...{ name: text, host: id, public_key: text, signature: text },
      number: Type.Integer({ minimum: 1, maximum: WIREGUARD_PEER_MAX }),
    }),
  ),
  removed: Type.Optional(
    strictObject({
      numbers: Type.String({ maxLength: PEER_NUMBERS_LENGTH_MAX }),
      signature: text,
    }),
  ),
});

export const KNOWN_IDS_REPORT: Contract<KnownIdsReport> = contract<KnownIdsReport>()(
  strictObject({
    networks: Type.Array(id, {
      maxItems: FOLLOWED_NETWORKS_MAX,
    }),
    highest_host: Type.Optional(id),
    peers: Type.Optional(Type.Array(knownPeers, { maxItems: FOLLOWED_NETWORKS_MAX })),
  }),
);
