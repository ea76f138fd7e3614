// `p6nctl instances remove`: removes an instance of this host.

import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { type Speech, talk } from '../../terminal.ts';

export interface RemoveInstanceOptions extends Speech {
  readonly client: ClientPart<'instances', 'remove'>;
  readonly reference: string;
  readonly force: boolean;
}

export async function removeInstance(options: RemoveInstanceOptions): Promise<void> {
  const { client, force, reference } = options;
  await client.instances.remove(reference, { force });
  await talk(options, `Removed instance ${reference}.`);
}

export const REMOVE_INSTANCE: Command = {
  usage: 'remove <instance>',
  summary: 'Remove an instance of this host, and its address with it',
  options: { force: { summary: 'Stop it first if it is started' } },
  run: (context, words) =>
    removeInstance({
      ...context,
      reference: words.text('instance'),
      force: words.flag('force'),
    }),
};
