// `p6nctl apps remove`: removes an app, by force with its instances.

import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { type Speech, talk } from '../../terminal.ts';

export interface RemoveAppOptions extends Speech {
  readonly client: ClientPart<'apps', 'remove'>;
  readonly name: string;
  readonly force: boolean;
}

export async function removeApp(options: RemoveAppOptions): Promise<void> {
  const { client, force, name } = options;
  await client.apps.remove(name, { force });
  await talk(options, `Removed app ${name}.`);
}

export const REMOVE_APP: Command = {
  usage: 'remove <name>',
  summary: 'Remove an app',
  options: { force: { summary: 'Also when it has instances, which their hosts stop' } },
  run: (context, words) =>
    removeApp({ ...context, name: words.text('name'), force: words.flag('force') }),
};
