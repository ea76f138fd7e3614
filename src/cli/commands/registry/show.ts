// `p6nctl registry show`: which registry the server has, and whether it takes writes.

import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { REGISTRY_FIELDS } from './fields.ts';

export interface ShowRegistryOptions extends Speech {
  readonly client: ClientPart<'registry', 'show'>;
}

export async function showRegistry(options: ShowRegistryOptions): Promise<void> {
  await printRecord(options, await options.client.registry.show(), REGISTRY_FIELDS);
}

export const SHOW_REGISTRY: Command = {
  usage: 'show',
  summary: 'Show the state of the registry; on a server',
  run: (context) => showRegistry(context),
};
