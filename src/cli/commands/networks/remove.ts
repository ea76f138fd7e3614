// `p6nctl networks remove`: removes a network without apps.

import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { type Speech, talk } from '../../terminal.ts';
import { ORGANIZATION_OPTION } from './fields.ts';

export interface RemoveNetworkOptions extends Speech {
  readonly client: ClientPart<'networks', 'remove'>;
  readonly name: string;
  readonly organization: string | undefined;
}

export async function removeNetwork(options: RemoveNetworkOptions): Promise<void> {
  const { client, name, organization } = options;
  await client.networks.remove({ name, organization });
  await talk(options, `Removed network ${name}.`);
}

export const REMOVE_NETWORK: Command = {
  usage: 'remove <name>',
  summary: 'Remove a network that has no apps',
  options: { organization: ORGANIZATION_OPTION },
  run: (context, words) =>
    removeNetwork({
      ...context,
      name: words.text('name'),
      organization: words.optionalText('organization'),
    }),
};
