// `p6nctl hosts drain` and `p6nctl hosts undrain`: take the instances of a host out of service.

import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { printJson } from '../../print.ts';
import { type Speech, talk } from '../../terminal.ts';

export interface DrainHostOptions extends Speech {
  readonly client: ClientPart<'hosts', 'drain'>;
  readonly name: string;
  readonly isDrained: boolean;
}

export async function drainHost(options: DrainHostOptions): Promise<void> {
  const { client, name, isDrained } = options;
  const host = await client.hosts.drain(name, isDrained);
  if (options.json) return await printJson(options, host);
  const said = isDrained
    ? `Host ${name} is drained: its instances are named nowhere from now on, and stop soon.`
    : `Host ${name} takes instances again; those that were stopped stay so until they are started.`;
  await talk(options, said);
}

export const DRAIN_HOST: Command = {
  usage: 'drain <name>',
  summary: 'Take the instances of a host out of names, then stop them; on a server',
  run: (context, words) => drainHost({ ...context, name: words.text('name'), isDrained: true }),
};

export const UNDRAIN_HOST: Command = {
  usage: 'undrain <name>',
  summary: 'Let a drained host have instances again; on a server',
  run: (context, words) => drainHost({ ...context, name: words.text('name'), isDrained: false }),
};
