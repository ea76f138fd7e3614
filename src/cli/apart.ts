// Runs a program apart from the terminal of p6nctl: in a session of its own, and with a terminal of
// its own in place of each stream that is one. Nothing that it does to its terminal, typing into it
// or changing its modes, is done to the operator's.

import { spawn } from 'node:child_process';
import { closeSync, existsSync, fchownSync, fstatSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { isatty, ReadStream } from 'node:tty';
import { P6nError } from '../base/errors.ts';

/** Not by a PATH, in whose folders others may write. */
const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];
const STREAMS = [0, 1, 2];
/** Of a shell, for what a signal has ended. */
const SIGNAL_CODE_BASE = 128;
/** What programs in the background hold the terminal for is not waited for. */
const LAST_WORDS_MS = 200;

export interface ApartOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Whose the terminal is; root's where absent. */
  readonly user?: number | undefined;
  readonly onInterrupt: (listener: () => void) => () => void;
}

/** Runs `program` of util-linux; resolves with its exit code. */
export async function runApart(
  program: string,
  words: readonly string[],
  options: ApartOptions,
): Promise<number> {
  const path = pathOf(program);
  if (!STREAMS.some((stream) => isatty(stream))) {
    return await runSession([path, ...words], { ...options, terminal: undefined });
  }
  const { openPseudoTerminal, resizeTerminal } = await import('../os/linux/pseudo-terminal.ts');
  const { ofProgram: terminal, ofWatcher } = openPseudoTerminal();
  if (options.user !== undefined) fchownSync(terminal, options.user, fstatSync(terminal).gid);
  const { stdin, stdout, stderr } = process;
  const shown = stdout.isTTY ? stdout : stderr;
  const resize = (): void => {
    if (shown.isTTY) resizeTerminal(ofWatcher, shown);
  };
  resize();
  shown.on('resize', resize);
  // Closes its descriptor with itself.
  const screen = new ReadStream(ofWatcher);
  // The kernel's word for the end of a terminal is EIO.
  const ended = new Promise<void>((resolve) => {
    screen.once('error', () => resolve()).once('end', resolve);
  });
  screen.pipe(shown, { end: false });
  if (stdin.isTTY) stdin.setRawMode(true).pipe(screen);
  try {
    const code = await runSession([path, ...words], { ...options, terminal });
    await Promise.race([ended, delay(LAST_WORDS_MS)]);
    return code;
  } finally {
    if (stdin.isTTY) stdin.setRawMode(false).unpipe(screen).pause();
    shown.off('resize', resize);
    screen.destroy();
  }
}

interface SessionOptions extends ApartOptions {
  /** Closed once the program has it. */
  readonly terminal: number | undefined;
}

function runSession(
  words: readonly string[],
  { env, onInterrupt, terminal }: SessionOptions,
): Promise<number> {
  const stdio = STREAMS.map((stream) => (isatty(stream) ? terminal : stream));
  // What it types into, where it does, is the terminal of the session.
  const control = isatty(0) ? ['--ctty'] : [];
  return new Promise((resolve, reject) => {
    let pid: number | undefined;
    // A terminal in raw mode sends none: what is typed there interrupts by the other terminal.
    const close = onInterrupt(() => interrupt(pid));
    const child = spawn(pathOf('setsid'), [...control, ...words], { stdio, env });
    pid = child.pid;
    if (terminal !== undefined) closeSync(terminal);
    child.once('error', (cause) => {
      close();
      reject(new P6nError('SYSTEM', `Cannot run ${words[0]}: ${cause.message}`, { cause }));
    });
    child.once('exit', (code, signal) => {
      close();
      resolve(code ?? SIGNAL_CODE_BASE + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/** The whole session's first group, as a terminal does it. */
function interrupt(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGINT');
  } catch {
    // It has no session yet, or has ended.
    return;
  }
}

function pathOf(program: string): string {
  const paths = FOLDERS.map((folder) => `${folder}/${program}`);
  const found = paths.find((path) => existsSync(path));
  if (found !== undefined) return found;
  const facts = `${program} of util-linux is not found`;
  throw new P6nError('SYSTEM', `Cannot run a program in an instance: ${facts}`);
}
