// `p6nctl hosts remove`: takes a host out of the site.

import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { type Speech, talk } from '../../terminal.ts';

export interface RemoveHostOptions extends Speech {
  readonly client: ClientPart<'hosts', 'remove'>;
  readonly name: string;
  readonly force: boolean;
}

export async function removeHost(options: RemoveHostOptions): Promise<void> {
  const { client, force, name } = options;
  await client.hosts.remove(name, { force });
  await talk(options, `Removed host ${name}: the other hosts drop its packets from now on.`);
}

export const REMOVE_HOST: Command = {
  usage: 'remove <name>',
  summary: 'Take a host out of the site, for good; on a server',
  options: { force: { summary: 'Also when it has instances, whose records go with it' } },
  run: (context, words) =>
    removeHost({ ...context, name: words.text('name'), force: words.flag('force') }),
};
