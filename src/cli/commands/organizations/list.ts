// `p6nctl organizations list`: lists organizations.

import type { ClientPart } from '../../../api/client.ts';
import type { OrganizationView } from '../../../api/contract/organizations.ts';
import type { Command } from '../../command.ts';
import { type Field, formatTime, printList } from '../../print.ts';
import type { Speech } from '../../terminal.ts';

export const ORGANIZATION_FIELDS: readonly Field<OrganizationView>[] = [
  { title: 'name', text: (organization) => organization.name },
  { title: 'created', text: (organization) => formatTime(organization.created_at) },
];

export interface ListOrganizationsOptions extends Speech {
  readonly client: ClientPart<'organizations', 'list'>;
}

export async function listOrganizations(options: ListOrganizationsOptions): Promise<void> {
  const { organizations } = await options.client.organizations.list();
  await printList(options, organizations, ORGANIZATION_FIELDS);
}

export const LIST_ORGANIZATIONS: Command = {
  usage: 'list',
  summary: 'List the organizations of the site',
  run: (context) => listOrganizations(context),
};
