// The registry as a whole, on a server: what it is, saving it to a file and reading it from one,
// and what hosts say of it after a restore. Files are named by their paths on the server.

import { Type } from 'typebox';
import { FOLLOWED_NETWORKS_MAX } from './follow.ts';
import { type Contract, contract, strictObject } from './schema.ts';

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
}

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

export const KNOWN_IDS_REPORT: Contract<KnownIdsReport> = contract<KnownIdsReport>()(
  strictObject({
    networks: Type.Array(Type.Integer({ minimum: 0, maximum: ID_MAX }), {
      maxItems: FOLLOWED_NETWORKS_MAX,
    }),
    highest_host: Type.Optional(Type.Integer({ minimum: 0, maximum: ID_MAX })),
  }),
);
