// `p6nctl tokens revoke`: makes a token worthless on every host, with all that was made of it.

import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { type Speech, talk } from '../../terminal.ts';

export interface RevokeTokenOptions extends Speech {
  readonly client: ClientPart<'tokens', 'revoke'>;
  readonly id: string;
}

export async function revokeToken(options: RevokeTokenOptions): Promise<void> {
  await options.client.tokens.revoke(options.id);
  await talk(options, `Revoked token ${options.id}.`);
}

export const REVOKE_TOKEN: Command = {
  usage: 'revoke <id>',
  summary: 'Make a token worthless, with all that was narrowed from it; on a server',
  run: (context, words) => revokeToken({ ...context, id: words.text('id') }),
};
