// Failed system calls as errors for readers.

import { getSystemErrorName } from 'node:util';
import { type ErrorCode, P6nError } from '../../base/errors.ts';
import { EACCES, EPERM } from './layouts.ts';

const ROOT_HINT = 'Run it as root, or give it CAP_NET_ADMIN and CAP_SYS_ADMIN.';

/** The name of an error number: `EADDRINUSE`. */
export function errorName(error: number): string {
  return getSystemErrorName(-error);
}

/**
 * The error for a system call that failed with `error`: NOT_ROOT where a permission is missing,
 * else `code`. `action` begins with "Cannot".
 */
export function systemError(
  action: string,
  error: number,
  code: ErrorCode = 'SYSTEM',
  hint?: string,
): P6nError {
  const message = `${action}: ${errorName(error)}`;
  if (error === EPERM || error === EACCES) {
    return new P6nError('NOT_ROOT', message, { hint: ROOT_HINT });
  }
  return new P6nError(code, message, hint === undefined ? {} : { hint });
}
