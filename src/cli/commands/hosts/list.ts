// `p6nctl hosts list`: lists the hosts of the site.

import type { ApiClient } from '../../../api/client.ts';
import type { HostView } from '../../../api/contract/hosts.ts';
import type { Command } from '../../command.ts';
import { type Field, printList } from '../../print.ts';
import type { Speech } from '../../terminal.ts';

export const HOST_COLUMNS: readonly Field<HostView>[] = [
  { title: 'name', text: (host) => host.name },
  { title: 'region', text: (host) => host.region },
  { title: 'role', text: (host) => host.role },
  { title: 'address', text: (host) => host.address },
  { title: 'endpoints', text: (host) => host.endpoints.join(', ') },
];

export interface ListHostsOptions extends Speech {
  readonly client: Pick<ApiClient, 'listHosts'>;
}

export async function listHosts(options: ListHostsOptions): Promise<void> {
  const { hosts } = await options.client.listHosts();
  await printList(options, hosts, HOST_COLUMNS);
}

export const LIST_HOSTS: Command = {
  usage: 'list',
  summary: 'List the hosts of the site',
  run: (context) => listHosts(context),
};
