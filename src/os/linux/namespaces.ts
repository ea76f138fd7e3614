// Network namespaces by setns(2), which moves the calling thread alone.

import { P6nError } from '../../base/errors.ts';
import type { Namespaces } from '../namespaces.ts';
import { CLONE_NEWNET, EACCES, EPERM, O_CLOEXEC, O_NONBLOCK, O_RDONLY } from './layouts.ts';
import { abort, close, negatedError, openPath, setns } from './syscalls.ts';
import { errorName, systemError } from './system-error.ts';

const OWN_NAMESPACE = '/proc/thread-self/ns/net';
const INVALID_HINT = 'Is the process or container that holds the namespace still running?';

export const LINUX_NAMESPACES: Namespaces = { within };

function within<T>(path: string | undefined, action: () => T): T {
  if (path === undefined) return action();
  const own = openPath(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC);
  if (own < 0) throw systemError('Cannot open the own network namespace', -own);
  try {
    enter(path);
    try {
      return action();
    } finally {
      if (setns(own, CLONE_NEWNET) !== 0) abort();
    }
  } finally {
    close(own);
  }
}

function enter(path: string): void {
  // A pipe in place of a namespace would hold the thread, and with it all packets.
  const target = openPath(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (target < 0) throw enterError(path, -target);
  const returned = negatedError(setns(target, CLONE_NEWNET));
  close(target);
  if (returned < 0) throw enterError(path, -returned);
}

function enterError(path: string, error: number): P6nError {
  const action = `Cannot enter network namespace ${path}`;
  if (error === EPERM || error === EACCES) return systemError(action, error);
  return new P6nError('NAMESPACE_INVALID', `${action}: ${errorName(error)}`, {
    hint: INVALID_HINT,
  });
}
