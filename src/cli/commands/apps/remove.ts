// `p6nctl apps remove`: removes an app without instances.

import type { ApiClient } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { type Speech, talk } from '../../terminal.ts';

export interface RemoveAppOptions extends Speech {
  readonly client: Pick<ApiClient, 'removeApp'>;
  readonly name: string;
}

export async function removeApp(options: RemoveAppOptions): Promise<void> {
  await options.client.removeApp(options.name);
  await talk(options, `Removed app ${options.name}.`);
}

export const REMOVE_APP: Command = {
  usage: 'remove <name>',
  summary: 'Remove an app that has no instances',
  run: (context, words) => removeApp({ ...context, name: words.text('name') }),
};
