// What the commands of tokens have in common: what a token may be for, and where it goes.

import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { TokenScope, TokenView } from '../../../api/contract/tokens.ts';
import { P6nError } from '../../../base/errors.ts';
import { VERBS } from '../../../tokens/restrictions.ts';
import type { CommandOption, Words } from '../../command.ts';
import { type Field, formatTime } from '../../print.ts';
import type { Speech } from '../../terminal.ts';

const PRIVATE_FILE_MODE = 0o600;
/** More than any token and the white space round it. */
const TOKEN_FILE_LENGTH_MAX = 16_384;
const STANDARD_INPUT_FD = 0;

export const SCOPE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  verb: {
    summary: `Allow this: ${VERBS.join(', ')}; all without it`,
    value: 'VERB',
    repeated: true,
  },
  organization: { summary: 'Allow this organization', value: 'NAME', repeated: true },
  app: { summary: 'Allow this app', value: 'NAME', repeated: true },
};

export const OUTPUT_OPTION: Readonly<Record<string, CommandOption>> = {
  output: { summary: 'Write the token to a new file that only you can read', value: 'FILE' },
};

/** What SCOPE_OPTIONS say. */
export function tokenScope(words: Words): TokenScope {
  const [verbs, organizations, apps] = [
    words.texts('verb').map(requireVerb),
    words.texts('organization'),
    words.texts('app'),
  ];
  return {
    ...(verbs.length === 0 ? {} : { verbs }),
    ...(organizations.length === 0 ? {} : { organizations }),
    ...(apps.length === 0 ? {} : { apps }),
  };
}

function requireVerb(text: string): (typeof VERBS)[number] {
  const verb = VERBS.find((one) => one === text);
  if (verb !== undefined) return verb;
  throw new P6nError('VALUE_INVALID', `Cannot use "${text}" as a verb: it is none of them`, {
    hint: `The verbs are ${VERBS.join(', ')}.`,
  });
}

/** To standard output, or to a new file. */
export async function handOut(
  { terminal }: Speech,
  token: string,
  file: string | undefined,
): Promise<void> {
  if (file === undefined) return await terminal.out(`${token}\n`);
  try {
    await writeFile(file, `${token}\n`, { mode: PRIVATE_FILE_MODE, flag: 'wx' });
  } catch (cause) {
    throw fileError('write the token to', file, cause);
  }
}

/** Of a file, or `-` for standard input. Nothing of it is ever in an error. */
export function readToken(file: string): string {
  try {
    const text = readFileSync(file === '-' ? STANDARD_INPUT_FD : file, 'utf8');
    return text.slice(0, TOKEN_FILE_LENGTH_MAX).trim();
  } catch (cause) {
    throw fileError('read a token from', file, cause);
  }
}

function fileError(action: string, file: string, cause: unknown): P6nError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new P6nError('SYSTEM', `Cannot ${action} ${file}: ${code ?? message}`, { cause });
}

export const TOKEN_COLUMNS: readonly Field<TokenView>[] = [
  { title: 'id', text: ({ id }) => id },
  { title: 'label', text: ({ label }) => label },
  { title: 'verbs', text: ({ verbs }) => verbs?.join(',') ?? 'all' },
  { title: 'organizations', text: ({ organizations }) => organizations?.join(',') ?? 'all' },
  { title: 'apps', text: ({ apps }) => apps?.join(',') ?? 'all' },
  { title: 'expires', text: ({ expires_at: at }) => formatTime(at) },
  { title: 'revoked', text: ({ revoked_at: at }) => (at === undefined ? '' : formatTime(at)) },
];
