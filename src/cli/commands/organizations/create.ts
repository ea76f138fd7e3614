// `p6nctl organizations create`: makes an organization.

import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { ORGANIZATION_FIELDS } from './list.ts';

export interface CreateOrganizationOptions extends Speech {
  readonly client: ClientPart<'organizations', 'create'>;
  readonly name: string;
}

export async function createOrganization(options: CreateOrganizationOptions): Promise<void> {
  const { client, name } = options;
  await printRecord(options, await client.organizations.create({ name }), ORGANIZATION_FIELDS);
}

export const CREATE_ORGANIZATION: Command = {
  usage: 'create <name>',
  summary: 'Make an organization, which owns networks and apps',
  run: (context, words) => createOrganization({ ...context, name: words.text('name') }),
};
