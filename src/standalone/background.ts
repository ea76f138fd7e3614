// Running in the background: the program starts itself once more in a session of its own and ends
// when that process says that the interface and its socket are there.

import { spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { backgroundEnvironment, wantsOutput } from './command-line.ts';

/** The first descriptor behind the standard ones. */
const READY_DESCRIPTOR = 3;
const READY = 'ready\n';

/** Resolves with the exit code of the process in front. */
export function runInBackground(words: readonly string[]): Promise<number> {
  const output = wantsOutput() ? 'inherit' : 'ignore';
  const program = process.argv[1] ?? '';
  const child = spawn(process.execPath, [...process.execArgv, program, ...words], {
    detached: true,
    env: backgroundEnvironment(READY_DESCRIPTOR),
    stdio: ['ignore', output, output, 'pipe'],
  });
  const said = child.stdio[READY_DESCRIPTOR] as Readable;
  return new Promise((resolve) => {
    let text = '';
    said.setEncoding('utf8');
    said.on('data', (part: string) => {
      text += part;
      if (text === READY) resolve(0);
    });
    said.on('end', () => {
      if (text !== READY) process.stderr.write(text);
      resolve(text === READY ? 0 : 1);
    });
    child.on('error', (error) => {
      process.stderr.write(`Error: Cannot run in the background: ${error.message}\n`);
      resolve(1);
    });
  }).then((code) => {
    said.destroy();
    child.unref();
    return code as number;
  });
}

/** Tells the process in front that all is there. */
export function sayReady(descriptor: number): void {
  say(descriptor, READY);
}

/** Tells the process in front why it cannot be, in lines for people. */
export function sayFailed(descriptor: number, text: string): void {
  say(descriptor, text);
}

function say(descriptor: number, text: string): void {
  try {
    writeSync(descriptor, text);
    closeSync(descriptor);
  } catch {
    // It was killed, which is no reason to end.
  }
}
