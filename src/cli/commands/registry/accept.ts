// `p6nctl registry accept`: opens a registry that was restored, or closed by an export, for writes.

import { resolve } from 'node:path';
import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { REGISTRY_FIELDS } from './fields.ts';

export interface AcceptRegistryOptions extends Speech {
  readonly client: ClientPart<'registry', 'accept'>;
  /** Absolute. */
  readonly exports: readonly string[];
}

export async function acceptRegistry(options: AcceptRegistryOptions): Promise<void> {
  const { client, exports } = options;
  await printRecord(options, await client.registry.accept({ exports }), REGISTRY_FIELDS);
}

export const ACCEPT_REGISTRY: Command = {
  usage: 'accept',
  summary: 'Let a restored registry take writes again; on a server',
  options: {
    export: {
      summary: 'A later export, whose ids are never given out again; may be repeated',
      value: 'FILE',
      repeated: true,
    },
  },
  run: (context, words) => {
    const files = words.texts('export');
    const exports = files.map((file) => resolve(context.workingDirectory, file));
    return acceptRegistry({ ...context, exports });
  },
};
