// `p6nctl instances show`: prints one instance.

import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { INSTANCE_FIELDS } from './fields.ts';

export interface ShowInstanceOptions extends Speech {
  readonly client: ClientPart<'instances', 'get'>;
  readonly reference: string;
}

export async function showInstance(options: ShowInstanceOptions): Promise<void> {
  const { client, reference } = options;
  await printRecord(options, await client.instances.get(reference), INSTANCE_FIELDS);
}

export const SHOW_INSTANCE: Command = {
  usage: 'show <instance>',
  summary: 'Show an instance by its id, or by its name on this host',
  run: (context, words) => showInstance({ ...context, reference: words.text('instance') }),
};
