// Locks by flock(2) on a folder itself: no file is left behind, the kernel takes the lock back when
// its holder is killed, and programs that the holder starts do not inherit it.

import { closeSync, constants, openSync } from 'node:fs';
import type { Stoppable } from '../../base/lifecycle.ts';
import type { Locks } from '../locks.ts';
import { EAGAIN, LOCK_EX, LOCK_NB } from './layouts.ts';
import { flock, negatedError } from './syscalls.ts';
import { systemError } from './system-error.ts';

export const LINUX_LOCKS: Locks = { lockFolder };

function lockFolder(path: string): Stoppable | undefined {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  const returned = negatedError(flock(fd, LOCK_EX | LOCK_NB));
  if (returned === 0) return { stop: () => closeSync(fd) };
  closeSync(fd);
  if (returned === -EAGAIN) return undefined;
  throw systemError(`Cannot lock the folder ${path}`, -returned);
}
