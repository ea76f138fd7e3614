// The site as a whole, and its signing key.

import { Type } from 'typebox';
import { type Contract, contract, strictObject } from './schema.ts';

export interface SiteKeyView {
  /** Counts the keys of the site; each vouches for the next. */
  readonly generation: number;
  /** Ed25519 public key, base64. */
  readonly public_key: string;
  /** Milliseconds since 1970. */
  readonly created_at: number;
}

export interface SiteView {
  readonly id: string;
  /** The last one signs. */
  readonly keys: readonly SiteKeyView[];
  /** Whether the p6nctl of every host may write networks, apps and WireGuard peers. */
  readonly host_operators_write: boolean;
  /** Milliseconds since 1970. */
  readonly created_at: number;
}

/** What is absent stays. */
export interface SiteUpdate {
  readonly host_operators_write?: boolean;
}

/** For servers alone: the key that signs. */
export interface SiteKeySecret {
  /** Ed25519 public key, base64. */
  readonly site_key: string;
  /** Ed25519 secret key, base64. A secret. */
  readonly site_secret_key: string;
}

export interface SiteKeyRotated {
  readonly site: SiteView;
  /** Records that the new key has signed. */
  readonly signed: number;
  /** Keys in the registry of records that the last key had not signed: somebody forged them. */
  readonly refused: readonly string[];
}

const site = strictObject({
  id: Type.String(),
  keys: Type.Array(
    strictObject({
      generation: Type.Integer(),
      public_key: Type.String(),
      created_at: Type.Number(),
    }),
  ),
  host_operators_write: Type.Boolean(),
  created_at: Type.Number(),
});

export const SITE_VIEW: Contract<SiteView> = contract<SiteView>()(site);

export const SITE_UPDATE: Contract<SiteUpdate> = contract<SiteUpdate>()(
  strictObject({ host_operators_write: Type.Optional(Type.Boolean()) }),
);

export const SITE_KEY_ROTATED: Contract<SiteKeyRotated> = contract<SiteKeyRotated>()(
  strictObject({ site, signed: Type.Integer(), refused: Type.Array(Type.String()) }),
);
