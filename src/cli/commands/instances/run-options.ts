// How the command of an instance is run, as `p6nctl instances run` takes it: user, folder,
// environment, restarts.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { RunInstance } from '../../../api/contract/instances.ts';
import { P6nError } from '../../../base/errors.ts';
import { type CommandOption, optional, type Words } from '../../command.ts';

export const RUN_OPTIONS: Readonly<Record<string, CommandOption>> = {
  user: { summary: 'Run as this user of the host; root without it', value: 'USER[:GROUP]' },
  workdir: { summary: 'Run in this folder; that of p6nctl without it', value: 'PATH' },
  env: { summary: 'A variable; every user of the host can see it', value: 'K=V', repeated: true },
  'env-file': { summary: 'Variables, a line each; for secrets', value: 'FILE', repeated: true },
  restart: {
    summary: 'When to run again a command that has ended: no without it',
    value: 'no|on-failure[:N]|always',
  },
};

type RunFacts = Pick<RunInstance, 'environment' | 'restart' | 'user' | 'working_directory'>;

const RESTART_PATTERN = /^(?:(no)|(always)|on-failure(?::([1-9][0-9]{0,5}))?)$/;
const VARIABLE_PATTERN = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s;

/** What RUN_OPTIONS say. A variable of --env goes before one of a file, a later one before both. */
export function runFacts(words: Words, workingDirectory: string): RunFacts {
  const pairs = [
    ...words.texts('env-file').flatMap(readVariables),
    ...words.texts('env').map((text) => variable(text, 'a variable of --env')),
  ];
  const folder = words.optionalText('workdir');
  return {
    working_directory: folder === undefined ? workingDirectory : resolve(workingDirectory, folder),
    ...optional('user', words.optionalText('user')),
    ...optional('restart', restart(words.optionalText('restart') ?? 'no')),
    ...(pairs.length === 0 ? {} : { environment: Object.fromEntries(pairs) }),
  };
}

function restart(text: string): RunInstance['restart'] {
  const match = RESTART_PATTERN.exec(text);
  if (match === null) {
    throw new P6nError('VALUE_INVALID', `Cannot use "${text}" as a restart policy`, {
      hint: 'It is no, always, on-failure, or on-failure:N for N times in a row at the most.',
    });
  }
  const [, no, always, max] = match;
  if (no !== undefined) return undefined;
  if (always !== undefined) return { when: 'always' };
  return { when: 'on-failure', ...(max === undefined ? {} : { max: Number(max) }) };
}

function readVariables(file: string): [name: string, value: string][] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new P6nError('SYSTEM', `Cannot read variables from ${file}: ${code}`, { cause });
  }
  return text
    .split('\n')
    .map((line, index) => [line.replace(/\r$/, ''), `line ${index + 1} of ${file}`] as const)
    .filter(([line]) => !/^\s*(?:#|$)/.test(line))
    .map(([line, place]) => variable(line, place));
}

/** The error has nothing of the value, which may be a secret. */
function variable(text: string, place: string): [name: string, value: string] {
  const [, name, value = ''] = VARIABLE_PATTERN.exec(text) ?? [];
  if (name !== undefined) return [name, value];
  throw new P6nError('VALUE_INVALID', `Cannot read ${place}: it is not NAME=VALUE`);
}
