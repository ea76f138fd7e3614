// `p6nctl hosts show`: prints one host.

import type { ClientPart } from '../../../api/client.ts';
import type { HostView } from '../../../api/contract/hosts.ts';
import type { Command } from '../../command.ts';
import { type Field, formatTime, printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { HOST_COLUMNS } from './list.ts';

const HOST_FIELDS: readonly Field<HostView>[] = [
  ...HOST_COLUMNS,
  { title: 'endpoints', text: (host) => host.endpoints.join(', ') },
  { title: 'observed at', text: (host) => host.observed_endpoints.join(', ') },
  { title: 'public key', text: (host) => host.public_key },
  { title: 'key number', text: (host) => String(host.key_generation) },
  { title: 'last seen', text: (host) => timeOf(host.last_seen_at) },
  { title: 'drained', text: (host) => timeOf(host.drained_at) },
  { title: 'joined', text: (host) => formatTime(host.created_at) },
];

function timeOf(at: number | undefined): string {
  return at === undefined ? '' : formatTime(at);
}

export interface ShowHostOptions extends Speech {
  readonly client: ClientPart<'hosts', 'get'>;
  readonly name: string;
}

export async function showHost(options: ShowHostOptions): Promise<void> {
  await printRecord(options, await options.client.hosts.get(options.name), HOST_FIELDS);
}

export const SHOW_HOST: Command = {
  usage: 'show <name>',
  summary: 'Show a host',
  run: (context, words) => showHost({ ...context, name: words.text('name') }),
};
