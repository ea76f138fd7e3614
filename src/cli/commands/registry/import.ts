// `p6nctl registry import`: fills an empty or closed registry from an export.

import { resolve } from 'node:path';
import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { REGISTRY_FIELDS } from './fields.ts';

export interface ImportRegistryOptions extends Speech {
  readonly client: ClientPart<'registry', 'import'>;
  /** Absolute. */
  readonly path: string;
}

export async function importRegistry(options: ImportRegistryOptions): Promise<void> {
  const { client, path } = options;
  await printRecord(options, await client.registry.import({ path }), REGISTRY_FIELDS);
}

export const IMPORT_REGISTRY: Command = {
  usage: 'import <file>',
  summary: 'Fill an empty or closed registry from an export; on a server',
  run: (context, words) =>
    importRegistry({ ...context, path: resolve(context.workingDirectory, words.text('file')) }),
};
