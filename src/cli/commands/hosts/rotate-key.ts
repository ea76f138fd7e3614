// `p6nctl hosts rotate-key`: gives this host another WireGuard key.

import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { printJson } from '../../print.ts';
import { type Speech, talk } from '../../terminal.ts';

export interface RotateHostKeyOptions extends Speech {
  readonly client: ClientPart<'host', 'rotateKey'>;
  readonly force: boolean;
}

export async function rotateHostKey(options: RotateHostKeyOptions): Promise<void> {
  const host = await options.client.host.rotateKey({ force: options.force });
  if (options.json) return await printJson(options, host);
  const { name, key_generation: generation, public_key: key } = host;
  await talk(options, `Host ${name} uses its key number ${generation} now: ${key}`);
}

export const ROTATE_HOST_KEY: Command = {
  usage: 'rotate-key',
  summary: 'Give this host another WireGuard key, without the loss of a packet',
  options: {
    force: { summary: 'Wait for no host that is not ready: it loses packets for a moment' },
  },
  run: (context, words) => rotateHostKey({ ...context, force: words.flag('force') }),
};
