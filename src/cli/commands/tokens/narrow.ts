// `p6nctl tokens narrow`: makes of a token one that allows less, without asking anybody.

import { TOKEN_TTL } from '../../../api/contract/protocol.ts';
import type { WallMillis } from '../../../base/clock.ts';
import { P6nError } from '../../../base/errors.ts';
import type { Random } from '../../../base/random.ts';
import { SYSTEM_RANDOM } from '../../../os/random.ts';
import { narrowToken } from '../../../tokens/mint.ts';
import type { Restrictions } from '../../../tokens/restrictions.ts';
import type { Command } from '../../command.ts';
import { parseDuration } from '../../duration.ts';
import { printJson } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { handOut, OUTPUT_OPTION, readToken, SCOPE_OPTIONS, tokenScope } from './fields.ts';

export interface NarrowTokenOptions extends Speech {
  readonly token: string;
  readonly restrictions: Restrictions;
  readonly output: string | undefined;
  readonly random: Random;
}

export async function narrow(options: NarrowTokenOptions): Promise<void> {
  const { json, output, random, restrictions } = options;
  const token = narrowToken(options.token, restrictions, random);
  if (json && output === undefined) return await printJson(options, { token });
  await handOut(options, token, output);
}

export const NARROW_TOKEN: Command = {
  usage: 'narrow',
  summary: 'Make of a token one that allows less; needs no server',
  options: {
    ...SCOPE_OPTIONS,
    ttl: { summary: 'End so soon, if the token does not end sooner', value: 'TIME' },
    file: { summary: 'Where the token is; standard input without it', value: 'FILE' },
    ...OUTPUT_OPTION,
  },
  run: async (context, words) => {
    const ttl = words.optionalText('ttl');
    const restrictions: Restrictions = {
      ...tokenScope(words),
      ...(ttl === undefined
        ? {}
        : { expiresAt: (context.now() + parseDuration(ttl, TOKEN_TTL)) as WallMillis }),
    };
    if (Object.keys(restrictions).length === 0) {
      throw new P6nError('USAGE', 'Cannot narrow the token: it is not said how', {
        hint: 'Name --verb, --organization, --app or --ttl.',
      });
    }
    const token = readToken(words.optionalText('file') ?? '-');
    await narrow({
      ...context,
      token,
      restrictions,
      output: words.optionalText('output'),
      random: SYSTEM_RANDOM,
    });
  },
};
