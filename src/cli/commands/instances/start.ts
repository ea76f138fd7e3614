// `p6nctl instances start`: starts a stopped instance.

import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { INSTANCE_FIELDS } from './fields.ts';

export interface StartInstanceOptions extends Speech {
  readonly client: ClientPart<'instances', 'start'>;
  readonly reference: string;
}

export async function startInstance(options: StartInstanceOptions): Promise<void> {
  const { client, reference } = options;
  await printRecord(options, await client.instances.start(reference), INSTANCE_FIELDS);
}

export const START_INSTANCE: Command = {
  usage: 'start <instance>',
  summary: 'Start a stopped instance of this host; it keeps its address',
  run: (context, words) => startInstance({ ...context, reference: words.text('instance') }),
};
