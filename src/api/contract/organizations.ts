// Organizations: who owns networks and apps.

import { Type } from 'typebox';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

export interface OrganizationView {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly created_at: number;
}

export interface OrganizationList {
  readonly organizations: readonly OrganizationView[];
}

export interface CreateOrganization {
  readonly name: string;
}

const organization = strictObject({ name: Type.String(), created_at: Type.Number() });

export const ORGANIZATION_VIEW: Contract<OrganizationView> =
  contract<OrganizationView>()(organization);

export const ORGANIZATION_LIST: Contract<OrganizationList> = contract<OrganizationList>()(
  strictObject({ organizations: Type.Array(organization) }),
);

export const CREATE_ORGANIZATION: Contract<CreateOrganization> = contract<CreateOrganization>()(
  strictObject({ name: Type.String({ maxLength: TEXT_LENGTH_MAX }) }),
);
