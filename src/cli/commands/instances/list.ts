// `p6nctl instances list`: lists the instances of the site, or of this host.

import type { ClientPart } from '../../../api/client.ts';
import type { InstanceFilter } from '../../../api/contract/instances.ts';
import { type Command, optional } from '../../command.ts';
import { printList } from '../../print.ts';
import { type Speech, warn } from '../../terminal.ts';
import { INSTANCE_COLUMNS } from './fields.ts';

export interface ListInstancesOptions extends Speech {
  readonly client: ClientPart<'instances', 'list'>;
  readonly filter: InstanceFilter;
}

export async function listInstances(options: ListInstancesOptions): Promise<void> {
  const { incomplete, instances } = await options.client.instances.list(options.filter);
  await printList(options, instances, INSTANCE_COLUMNS);
  if (incomplete !== undefined) {
    await warn(options, `only the instances of this host are listed. ${incomplete}`);
  }
}

export const LIST_INSTANCES: Command = {
  usage: 'list',
  summary: 'List the instances of the site',
  options: {
    app: { summary: 'Only those of this app', value: 'NAME' },
    network: { summary: 'Only those on this network', value: 'NAME' },
    host: { summary: 'Only those of this host', value: 'NAME' },
    here: { summary: 'Only those of the host that p6nctl runs on' },
  },
  run: (context, words) =>
    listInstances({
      ...context,
      filter: {
        ...optional('app', words.optionalText('app')),
        ...optional('network', words.optionalText('network')),
        ...optional('host', words.optionalText('host')),
        ...(words.flag('here') ? { here: '1' } : {}),
      },
    }),
};
