// A terminal of its own for a program (pty(7)): a pair of descriptors, of which the program has the
// one, and whoever shows it to somebody the other.

import {
  O_CLOEXEC,
  O_NOCTTY,
  O_RDWR,
  TIOCGPTPEER,
  TIOCSPTLCK,
  TIOCSWINSZ,
  WINSIZE_BYTES,
  WINSIZE_COLUMNS_OFFSET,
  WINSIZE_ROWS_OFFSET,
} from './layouts.ts';
import { close, ioctl, ioctlByValue, negatedError, openPath } from './syscalls.ts';
import { systemError } from './system-error.ts';

const MULTIPLEXER = '/dev/ptmx';
const UNLOCKED = Buffer.alloc(4);

export interface PseudoTerminal {
  /** Whoever opened it closes both. */
  readonly ofProgram: number;
  /** What the program writes is read here, and what is written here it reads. */
  readonly ofWatcher: number;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** Neither end becomes the terminal of this process, nor is inherited unasked. */
export function openPseudoTerminal(): PseudoTerminal {
  const flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
  const ofWatcher = openPath(MULTIPLEXER, flags);
  if (ofWatcher < 0) throw systemError('Cannot open a terminal', -ofWatcher);
  const unlocked = negatedError(ioctl(ofWatcher, TIOCSPTLCK, UNLOCKED));
  // By the descriptor: a path would depend on what is mounted.
  const ofProgram =
    unlocked < 0 ? unlocked : negatedError(ioctlByValue(ofWatcher, TIOCGPTPEER, flags));
  if (ofProgram >= 0) return { ofProgram, ofWatcher };
  close(ofWatcher);
  throw systemError('Cannot open a terminal', -ofProgram);
}

/** The program is told by SIGWINCH. A terminal that is gone has no size. */
export function resizeTerminal(descriptor: number, { rows, columns }: TerminalSize): void {
  const size = Buffer.alloc(WINSIZE_BYTES);
  size.writeUInt16LE(rows, WINSIZE_ROWS_OFFSET);
  size.writeUInt16LE(columns, WINSIZE_COLUMNS_OFFSET);
  ioctl(descriptor, TIOCSWINSZ, size);
}
