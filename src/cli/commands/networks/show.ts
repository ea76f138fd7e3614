// `p6nctl networks show`: prints one network.

import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { NETWORK_FIELDS, ORGANIZATION_OPTION } from './fields.ts';

export interface ShowNetworkOptions extends Speech {
  readonly client: ClientPart<'networks', 'get'>;
  readonly name: string;
  readonly organization: string | undefined;
}

export async function showNetwork(options: ShowNetworkOptions): Promise<void> {
  const { client, name, organization } = options;
  await printRecord(options, await client.networks.get({ name, organization }), NETWORK_FIELDS);
}

export const SHOW_NETWORK: Command = {
  usage: 'show <name>',
  summary: 'Show a network',
  options: { organization: ORGANIZATION_OPTION },
  run: (context, words) =>
    showNetwork({
      ...context,
      name: words.text('name'),
      organization: words.optionalText('organization'),
    }),
};
