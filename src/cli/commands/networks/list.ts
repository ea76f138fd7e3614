// `p6nctl networks list`: lists networks.

import type { ClientPart } from '../../../api/client.ts';
import type { NetworkFilter } from '../../../api/contract/networks.ts';
import { type Command, optional } from '../../command.ts';
import { printList } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { NETWORK_FIELDS } from './fields.ts';

export interface ListNetworksOptions extends Speech {
  readonly client: ClientPart<'networks', 'list'>;
  readonly filter: NetworkFilter;
}

export async function listNetworks(options: ListNetworksOptions): Promise<void> {
  const { networks } = await options.client.networks.list(options.filter);
  await printList(options, networks, NETWORK_FIELDS);
}

export const LIST_NETWORKS: Command = {
  usage: 'list',
  summary: 'List the networks of the site',
  options: {
    organization: { summary: 'Only those of this organization', value: 'NAME' },
  },
  run: (context, words) =>
    listNetworks({
      ...context,
      filter: optional('organization', words.optionalText('organization')),
    }),
};
