// `p6nctl instances exec`: runs a program of this host beside the command of an instance: in its
// network, with its files, environment, user and folder. It has the terminal of p6nctl, and its
// exit code becomes that of p6nctl.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import type { ClientPart } from '../../../api/client.ts';
import type { InstanceSurroundings } from '../../../api/contract/instances.ts';
import { P6nError } from '../../../base/errors.ts';
import { isLoaderVariable, userWords } from '../../../base/machine-user.ts';
import type { Command, CommandContext } from '../../command.ts';

/** Not by the PATH of the instance, in whose folders others may write. */
const NSENTER = '/usr/bin/nsenter';
const NSENTER_ELSEWHERE = ['/bin/nsenter', '/usr/sbin/nsenter', '/sbin/nsenter'];
/** Of a shell, for what a signal has ended. */
const SIGNAL_CODE_BASE = 128;

export interface ExecInstanceOptions {
  readonly client: ClientPart<'instances', 'surroundings'>;
  readonly onInterrupt: CommandContext['onInterrupt'];
  readonly reference: string;
  readonly terminalType?: CommandContext['terminalType'];
  readonly command: readonly string[];
}

/** Resolves with the exit code of the program. */
export async function execInstance(options: ExecInstanceOptions): Promise<number> {
  const { client, command, onInterrupt, reference, terminalType } = options;
  const surroundings = await client.instances.surroundings(reference);
  // An interrupt from the terminal reaches the program by itself, and p6nctl waits for its end.
  const close = onInterrupt(() => undefined);
  try {
    const environment = enterEnvironment(surroundings);
    const env = terminalType === undefined ? environment : { ...environment, TERM: terminalType };
    return await run(enterWords(surroundings, command), env);
  } finally {
    close();
  }
}

/** The words by which nsenter(1) runs the command there. */
export function enterWords(
  surroundings: InstanceSurroundings,
  command: readonly string[],
): readonly string[] {
  const {
    group_id: gid,
    groups = [],
    mounts,
    namespace,
    user_id: uid,
    working_directory: folder,
  } = surroundings;
  const user = uid === undefined || gid === undefined ? undefined : { uid, gid, groups };
  const plainUser = user === undefined ? [] : [`--setuid=${user.uid}`, `--setgid=${user.gid}`];
  const hasGroups = user !== undefined && groups.length > 0;
  return [
    `--net=${namespace}`,
    // The folder is one of the mount namespace, if it has one of its own.
    ...(mounts === undefined ? [] : [`--mount=${mounts}`, `--wdns=${folder}`]),
    ...(hasGroups ? ['--', ...userWords(user)] : [...plainUser, '--']),
    ...command,
  ];
}

/** For nsenter(1), which is root's until it becomes the user: nothing of his is loaded into it. */
export function enterEnvironment({
  environment,
  user_id: uid,
}: InstanceSurroundings): Readonly<Record<string, string>> {
  if (uid === undefined) return environment;
  const pairs = Object.entries(environment);
  return Object.fromEntries(pairs.filter(([name]) => !isLoaderVariable(name)));
}

function run(words: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    const program = [NSENTER, ...NSENTER_ELSEWHERE].find((path) => existsSync(path)) ?? NSENTER;
    const child = spawn(program, words, { stdio: 'inherit', env });
    child.once('error', (cause) => {
      const facts = 'nsenter of util-linux is not found';
      reject(new P6nError('SYSTEM', `Cannot run a program in an instance: ${facts}`, { cause }));
    });
    child.once('exit', (code, signal) => {
      resolve(code ?? SIGNAL_CODE_BASE + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

export const EXEC_INSTANCE: Command = {
  usage: 'exec <instance>',
  summary: 'Run a program of this host in an instance of this host',
  takesCommand: true,
  run: (context, words) => {
    const command = words.command();
    if (command.length === 0) {
      throw new P6nError('USAGE', 'Cannot run a program: there is none after --', {
        hint: 'Write for example: p6nctl instances exec web-1 -- sh',
      });
    }
    return execInstance({ ...context, reference: words.text('instance'), command });
  },
};
