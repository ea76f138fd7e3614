// `p6nctl site rotate`: gives the site another signing key.

import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { printJson } from '../../print.ts';
import { type Speech, talk } from '../../terminal.ts';

export interface RotateSiteKeyOptions extends Speech {
  readonly client: ClientPart<'site', 'rotateKey'>;
}

export async function rotateSiteKey(options: RotateSiteKeyOptions): Promise<void> {
  const rotated = await options.client.site.rotateKey();
  if (options.json) return await printJson(options, rotated);
  const { site, signed, refused } = rotated;
  const key = site.keys.at(-1);
  await talk(options, `The site's key is number ${key?.generation} now: ${key?.public_key}`);
  await talk(options, `It has signed ${signed} records; open invites are void, make new ones.`);
  if (refused.length === 0) return;
  await talk(options, `Not signed, as somebody forged them: ${refused.join(', ')}`);
}

export const ROTATE_SITE_KEY: Command = {
  usage: 'rotate',
  summary: 'Give the site another signing key, by the word of the last one; on a server',
  run: (context) => rotateSiteKey(context),
};
