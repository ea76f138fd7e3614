// A network as people see it, and the option that says in which organization it is looked for.

import type { NetworkView } from '../../../api/contract/networks.ts';
import type { CommandOption } from '../../command.ts';
import { type Field, formatTime } from '../../print.ts';

export const NETWORK_FIELDS: readonly Field<NetworkView>[] = [
  { title: 'name', text: (network) => network.name },
  { title: 'organization', text: (network) => network.organization },
  { title: 'prefix', text: (network) => network.prefix },
  { title: 'scope', text: (network) => (network.region_scoped ? 'region' : 'site') },
  { title: 'created', text: (network) => formatTime(network.created_at) },
];

export const ORGANIZATION_OPTION: CommandOption = {
  summary: 'The organization; without it, the default one',
  value: 'NAME',
};
