// `p6nctl instances exec`: runs a program of this host beside the command of an instance: in its
// network, with its files, environment, user and folder, and apart from the terminal of p6nctl. Its
// exit code becomes that of p6nctl.

import type { ClientPart } from '../../../api/client.ts';
import type { InstanceSurroundings } from '../../../api/contract/instances.ts';
import { P6nError } from '../../../base/errors.ts';
import { isLoaderVariable, userWords } from '../../../base/machine-user.ts';
import { runApart } from '../../apart.ts';
import type { Command, CommandContext } from '../../command.ts';

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
  const environment = enterEnvironment(surroundings);
  const env = terminalType === undefined ? environment : { ...environment, TERM: terminalType };
  const user = surroundings.user_id;
  return await runApart('nsenter', enterWords(surroundings, command), { env, user, onInterrupt });
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
