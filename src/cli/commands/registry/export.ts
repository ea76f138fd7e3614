// `p6nctl registry export`: saves the site with every id that was ever given out.

import { resolve } from 'node:path';
import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { printJson } from '../../print.ts';
import { type Speech, talk } from '../../terminal.ts';

export interface ExportRegistryOptions extends Speech {
  readonly client: ClientPart<'registry', 'export'>;
  /** Absolute. */
  readonly path: string;
  readonly close: boolean;
}

export async function exportRegistry(options: ExportRegistryOptions): Promise<void> {
  const { client, close, path } = options;
  const exported = await client.registry.export({ path, close });
  if (options.json) return await printJson(options, exported);
  const end = close ? '; the registry takes no writes from now on' : '';
  await talk(options, `Exported ${exported.entries} entries to ${path}${end}.`);
}

export const EXPORT_REGISTRY: Command = {
  usage: 'export <file>',
  summary: 'Save the registry to a file of mode 0600; on a server',
  options: { close: { summary: 'Take no writes from then on: the site moves elsewhere' } },
  run: (context, words) => {
    const path = resolve(context.workingDirectory, words.text('file'));
    return exportRegistry({ ...context, path, close: words.flag('close') });
  },
};
