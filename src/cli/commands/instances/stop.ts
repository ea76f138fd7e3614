// `p6nctl instances stop`: stops an instance, which keeps its address.

import type { ClientPart } from '../../../api/client.ts';
import { STOP_GRACE_MAX_MS } from '../../../api/contract/protocol.ts';
import type { Command } from '../../command.ts';
import { parseDuration } from '../../duration.ts';
import { printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { INSTANCE_FIELDS } from './fields.ts';

export interface StopInstanceOptions extends Speech {
  readonly client: ClientPart<'instances', 'stop'>;
  readonly reference: string;
  readonly graceMs: number | undefined;
}

export async function stopInstance(options: StopInstanceOptions): Promise<void> {
  const { client, graceMs, reference } = options;
  await printRecord(options, await client.instances.stop(reference, { graceMs }), INSTANCE_FIELDS);
}

export const STOP_INSTANCE: Command = {
  usage: 'stop <instance>',
  summary: 'Stop an instance of this host; it keeps its address',
  options: {
    grace: { summary: 'Time for the command to end before it is ended by force', value: 'TIME' },
  },
  run: (context, words) => {
    const grace = words.optionalText('grace');
    const limits = { minMs: 0, maxMs: STOP_GRACE_MAX_MS };
    const graceMs = grace === undefined ? undefined : parseDuration(grace, limits);
    return stopInstance({ ...context, reference: words.text('instance'), graceMs });
  },
};
