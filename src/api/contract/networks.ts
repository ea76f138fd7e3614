// Networks: a tenant's /48. A name is unique in its organization, so a path that names a network
// takes `?organization=`; without one the default organization is meant.

import { Type } from 'typebox';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

export interface NetworkView {
  readonly id: number;
  readonly name: string;
  readonly organization: string;
  /** `fdaa:N:N::/48`. */
  readonly prefix: string;
  /** Packets pass only between hosts of one region. */
  readonly region_scoped: boolean;
  /** Milliseconds since 1970. */
  readonly created_at: number;
}

export interface NetworkList {
  readonly networks: readonly NetworkView[];
}

export interface CreateNetwork {
  readonly name: string;
  readonly organization?: string;
  readonly region_scoped?: boolean;
}

export interface NetworkFilter {
  readonly organization?: string;
}

const network = strictObject({
  id: Type.Integer(),
  name: Type.String(),
  organization: Type.String(),
  prefix: Type.String(),
  region_scoped: Type.Boolean(),
  created_at: Type.Number(),
});

const text = Type.String({ maxLength: TEXT_LENGTH_MAX });

export const NETWORK_VIEW: Contract<NetworkView> = contract<NetworkView>()(network);

export const NETWORK_LIST: Contract<NetworkList> = contract<NetworkList>()(
  strictObject({ networks: Type.Array(network) }),
);

export const CREATE_NETWORK: Contract<CreateNetwork> = contract<CreateNetwork>()(
  strictObject({
    name: text,
    organization: Type.Optional(text),
    region_scoped: Type.Optional(Type.Boolean()),
  }),
);

export const NETWORK_FILTER: Contract<NetworkFilter> = contract<NetworkFilter>()(
  strictObject({ organization: Type.Optional(text) }),
);
