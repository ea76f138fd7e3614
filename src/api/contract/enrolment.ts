// What a machine with an invite posts, and what makes it a host.

import { Type } from 'typebox';
import { ENDPOINTS_MAX } from './hosts.ts';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

export interface EnrolRequest {
  /** WireGuard public key that the host will have, base64. */
  readonly public_key: string;
  readonly name: string;
  /** Without one the invite's region holds, else the default. */
  readonly region?: string;
  readonly endpoints: readonly string[];
}

export interface EnrolledServer {
  readonly id: number;
  readonly name: string;
  readonly region: string;
  /** WireGuard public key, base64. */
  readonly public_key: string;
  readonly endpoints: readonly string[];
}

export interface Enrolled {
  readonly host_id: number;
  readonly name: string;
  readonly region: string;
  /** What proves to servers that a request comes from this host's p6nd. A secret. */
  readonly secret: string;
  /** Ed25519 public key of the site, base64. */
  readonly site_key: string;
  /** Ed25519 secret key of the site, base64, for a further server. A secret. */
  readonly site_secret_key?: string;
  readonly servers: readonly EnrolledServer[];
}

const BASE64_KEY_PATTERN = '^[A-Za-z0-9+/]{43}=$';
const text = Type.String({ maxLength: TEXT_LENGTH_MAX });

export const ENROL_REQUEST: Contract<EnrolRequest> = contract<EnrolRequest>()(
  strictObject({
    public_key: Type.String({ pattern: BASE64_KEY_PATTERN }),
    name: text,
    region: Type.Optional(text),
    endpoints: Type.Array(text, { maxItems: ENDPOINTS_MAX }),
  }),
);

export const ENROLLED: Contract<Enrolled> = contract<Enrolled>()(
  strictObject({
    host_id: Type.Integer(),
    name: Type.String(),
    region: Type.String(),
    secret: Type.String(),
    site_key: Type.String(),
    site_secret_key: Type.Optional(Type.String()),
    servers: Type.Array(
      strictObject({
        id: Type.Integer(),
        name: Type.String(),
        region: Type.String(),
        public_key: Type.String(),
        endpoints: Type.Array(Type.String()),
      }),
    ),
  }),
);
