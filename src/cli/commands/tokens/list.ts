// `p6nctl tokens list`: lists the tokens of the site that have not expired, and never themselves.

import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { printList } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { TOKEN_COLUMNS } from './fields.ts';

export interface ListTokensOptions extends Speech {
  readonly client: ClientPart<'tokens', 'list'>;
}

export async function listTokens(options: ListTokensOptions): Promise<void> {
  const { tokens } = await options.client.tokens.list();
  await printList(options, tokens, TOKEN_COLUMNS);
}

export const LIST_TOKENS: Command = {
  usage: 'list',
  summary: 'List the tokens that were made, by their ids; on a server',
  run: (context) => listTokens(context),
};
