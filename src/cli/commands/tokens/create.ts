// `p6nctl tokens create`: makes a token of the API, which is shown once.

import type { ClientPart } from '../../../api/client.ts';
import { TOKEN_TTL } from '../../../api/contract/protocol.ts';
import type { CreateToken } from '../../../api/contract/tokens.ts';
import { P6nError } from '../../../base/errors.ts';
import { type Command, optional } from '../../command.ts';
import { parseDuration } from '../../duration.ts';
import { formatTime, printJson } from '../../print.ts';
import { type Speech, talk } from '../../terminal.ts';
import { handOut, OUTPUT_OPTION, SCOPE_OPTIONS, tokenScope } from './fields.ts';

export interface CreateTokenOptions extends Speech {
  readonly client: ClientPart<'tokens', 'create'>;
  readonly request: CreateToken;
  readonly output: string | undefined;
}

export async function createToken(options: CreateTokenOptions): Promise<void> {
  const { client, json, output, request } = options;
  const created = await client.tokens.create(request);
  if (json && output === undefined) return await printJson(options, created);
  await handOut(options, created.token, output);
  const { id, expires_at: end } = created.details;
  await talk(options, `Token ${id} is a secret until it ends, ${formatTime(end)}.`);
}

export const CREATE_TOKEN: Command = {
  usage: 'create',
  summary: 'Make a token of the API; on a server',
  options: {
    ...SCOPE_OPTIONS,
    site: { summary: 'Allow everything, hosts and invites too' },
    label: { summary: 'What it is for', value: 'TEXT' },
    ttl: { summary: 'How long it is good: 30d unless it says otherwise', value: 'TIME' },
    ...OUTPUT_OPTION,
  },
  run: (context, words) => {
    const scope = tokenScope(words);
    const isLimited = scope.organizations !== undefined || scope.apps !== undefined;
    if (isLimited === words.flag('site')) {
      throw new P6nError('USAGE', 'Cannot make a token: it is not said what it is for', {
        hint: 'Name organizations or apps with --organization and --app, or say --site.',
      });
    }
    const ttl = words.optionalText('ttl');
    const request = {
      ...scope,
      ...optional('label', words.optionalText('label')),
      ...optional('ttl_ms', ttl === undefined ? undefined : parseDuration(ttl, TOKEN_TTL)),
    };
    return createToken({ ...context, request, output: words.optionalText('output') });
  },
};
