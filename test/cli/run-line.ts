// One run of p6nctl from a line to its output, with what it asked of p6nd.

import type { ApiClient } from '../../src/api/client.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { runProgram } from '../../src/cli/program.ts';
import type { Call } from '../fakes/api-services.ts';
import { MemoryTerminal } from '../fakes/memory-terminal.ts';

/** What came of a command line. */
export interface Run {
  readonly exitCode: number;
  readonly output: string;
  readonly talk: string;
  readonly calls: readonly Call[];
}

/** Runs a line over a client that answers by `noun.call`; an answer that is an Error is thrown. */
export async function runLine(
  line: string,
  answers: Readonly<Record<string, unknown>>,
  colours: boolean,
): Promise<Run> {
  const calls: Call[] = [];
  const asked =
    (noun: string, call: string): object =>
    (...rest: readonly unknown[]): Promise<unknown> => {
      const method = `${noun}.${call}`;
      calls.push({ method, arguments: rest });
      const answer = answers[method];
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    };
  const client = new Proxy<ApiClient>({} as ApiClient, {
    get: (_: object, noun: string) =>
      new Proxy({}, { get: (__, call: string) => asked(noun, call) }),
  });
  const terminal = new MemoryTerminal(colours);
  const exitCode = await runProgram(
    line.split(' ').filter((word) => word !== ''),
    {
      terminal,
      now: () => 120_001 as WallMillis,
      version: '1.2.3',
      workingDirectory: '/srv',
      onInterrupt: () => () => undefined,
      socket: undefined,
      client,
    },
  );
  return { exitCode, output: terminal.output, talk: terminal.talk, calls };
}
