// p6nctl: the process around one run of the program.

import { readFileSync } from 'node:fs';
import type { WallMillis } from '../base/clock.ts';
import { runProgram } from './program.ts';
import { processTerminal } from './terminal.ts';

/** A reader that went away (`p6nctl ... | head`) is no failure worth a word. */
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(process.exitCode ?? 0);
  });
}

const { env } = process;

process.exitCode = await runProgram(process.argv.slice(2), {
  terminal: processTerminal(process, (env['NO_COLOR'] ?? '') !== ''),
  now: () => Date.now() as WallMillis,
  version: packageVersion(),
  workingDirectory: process.cwd(),
  onInterrupt,
  terminalType: env['TERM'],
  socket: env['P6N_SOCKET'] === '' ? undefined : env['P6N_SOCKET'],
});

function packageVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

function onInterrupt(listener: () => void): () => void {
  process.on('SIGINT', listener).on('SIGTERM', listener);
  return () => {
    process.off('SIGINT', listener).off('SIGTERM', listener);
  };
}
