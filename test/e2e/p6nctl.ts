// p6nctl for the end-to-end tests, in this process: the whole program but its start, which takes
// ten times what a command does and is tested by itself (test/cli/process.test.ts).

import type { WallMillis } from '../../src/base/clock.ts';
import { runProgram } from '../../src/cli/program.ts';
import { VERSION } from '../../src/daemon/version.ts';
import { MemoryTerminal } from '../fakes/memory-terminal.ts';
import type { Outcome } from './site.ts';

/** Runs p6nctl with the p6nd behind `socket`. */
export async function p6nctl(socket: string, words: readonly string[]): Promise<Outcome> {
  const terminal = new MemoryTerminal();
  const code = await runProgram(words, {
    terminal,
    now: () => Date.now() as WallMillis,
    version: VERSION,
    workingDirectory: process.cwd(),
    onInterrupt: () => () => undefined,
    socket,
  });
  return { code, stdout: terminal.output, stderr: terminal.talk };
}
