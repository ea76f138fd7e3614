// `p6nctl networks create`: makes a network and prints it.

import type { ClientPart } from '../../../api/client.ts';
import type { CreateNetwork } from '../../../api/contract/networks.ts';
import { type Command, optional } from '../../command.ts';
import { printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { NETWORK_FIELDS, ORGANIZATION_OPTION } from './fields.ts';

export interface CreateNetworkOptions extends Speech {
  readonly client: ClientPart<'networks', 'create'>;
  readonly request: CreateNetwork;
}

export async function createNetwork(options: CreateNetworkOptions): Promise<void> {
  const network = await options.client.networks.create(options.request);
  await printRecord(options, network, NETWORK_FIELDS);
}

export const CREATE_NETWORK: Command = {
  usage: 'create <name>',
  summary: 'Make a network: a /48 of its own, apart from all others',
  options: {
    organization: ORGANIZATION_OPTION,
    'region-scoped': { summary: 'Let packets pass only between hosts of one region' },
  },
  run: (context, words) =>
    createNetwork({
      ...context,
      request: {
        name: words.text('name'),
        ...optional('organization', words.optionalText('organization')),
        ...(words.flag('region-scoped') ? { region_scoped: true } : {}),
      },
    }),
};
