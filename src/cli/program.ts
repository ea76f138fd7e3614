// One run of p6nctl: from words to an exit code. 0 is done, 1 failed, 2 a wrong command line,
// and another one that of a program that was run in an instance.

import { ApiClient } from '../api/client.ts';
import { DEFAULT_SOCKET } from '../api/contract/protocol.ts';
import type { WallMillis } from '../base/clock.ts';
import { asP6nError } from '../base/errors.ts';
import type { CommandContext, ExitCode } from './command.ts';
import { parseCommandLine } from './command-line.ts';
import { candidates } from './completion.ts';
import { COMPLETE_FLAG } from './completion-scripts.ts';
import { reportError } from './report-error.ts';
import type { Terminal } from './terminal.ts';

export interface ProgramContext {
  readonly terminal: Terminal;
  readonly now: () => WallMillis;
  readonly version: string;
  readonly workingDirectory: string;
  readonly onInterrupt: CommandContext['onInterrupt'];
  readonly terminalType?: CommandContext['terminalType'];
  /** Of the environment. */
  readonly socket: string | undefined;
  /** A test's own; a client of the socket where absent. */
  readonly client?: ApiClient;
}

/** Resolves with the exit code; everything that was to be said is said. */
export async function runProgram(
  argv: readonly string[],
  context: ProgramContext,
): Promise<ExitCode> {
  const { terminal } = context;
  // Known before the rest is, so that also a wrong command line is reported in JSON.
  const json = beforeCommand(argv).includes('--json');
  try {
    if (argv[0] === COMPLETE_FLAG) {
      const found = await candidates(argv.slice(1));
      await terminal.out(found.map((word) => `${word}\n`).join(''));
      return 0;
    }
    const line = await parseCommandLine(argv, context.version);
    if (line.kind === 'text') {
      await terminal.out(line.text);
      return 0;
    }
    const path = line.words.optionalText('socket') ?? context.socket ?? DEFAULT_SOCKET;
    const client = context.client ?? new ApiClient({ target: { kind: 'socket', path } });
    return (await line.command.run({ ...context, client, socket: path, json }, line.words)) ?? 0;
  } catch (error) {
    const known = asP6nError(error, 'Cannot run the command');
    await reportError({ terminal, json }, known);
    return known.exitCode;
  }
}

/** The words before `--`, behind which a command of somebody else's stands. */
function beforeCommand(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end < 0 ? argv : argv.slice(0, end);
}
