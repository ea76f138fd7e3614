// Every error that a person may meet, by its stable code. The catalogue is compared with the table
// in README.md by test/house/errors.test.ts, so a code without an explanation for operators does
// not land.

/** Whose move it is: `usage` exits with 2, all others with 1. */
export type ErrorFault =
  | 'usage'
  | 'conflict'
  | 'missing'
  | 'unproved'
  | 'denied'
  | 'environment'
  | 'internal';

export const ERROR_CODES = {
  USAGE: 'usage',
  NAME_INVALID: 'usage',
  NAME_RESERVED: 'usage',
  VALUE_INVALID: 'usage',
  TOKEN_INVALID: 'usage',
  CONFIG_INVALID: 'usage',
  NAME_TAKEN: 'conflict',
  NETWORK_IN_USE: 'conflict',
  APP_IN_USE: 'conflict',
  HOST_IN_USE: 'conflict',
  HOST_DRAINED: 'conflict',
  HOSTS_NOT_READY: 'conflict',
  INVITE_USED: 'conflict',
  INSTANCE_STATE: 'conflict',
  ALREADY_JOINED: 'conflict',
  LIMIT_REACHED: 'conflict',
  CHANGED_MEANWHILE: 'conflict',
  NOT_FOUND: 'missing',
  REVISION_FORGOTTEN: 'missing',
  TOKEN_REFUSED: 'unproved',
  NOT_PERMITTED: 'denied',
  NOT_A_SERVER: 'denied',
  INVITE_EXPIRED: 'denied',
  NOT_ROOT: 'environment',
  NO_TUN: 'environment',
  NO_IPV6: 'environment',
  PORT_TAKEN: 'environment',
  ALREADY_RUNNING: 'environment',
  ROUTE_TAKEN: 'environment',
  STATE_UNWRITABLE: 'environment',
  STATE_CORRUPT: 'environment',
  REGISTRY_CORRUPT: 'environment',
  REGISTRY_UNAVAILABLE: 'environment',
  REGISTRY_EMPTY: 'environment',
  REGISTRY_CLOSED: 'environment',
  DAEMON_UNREACHABLE: 'environment',
  SERVER_UNREACHABLE: 'environment',
  TIMED_OUT: 'environment',
  NAMESPACE_INVALID: 'environment',
  COMMAND_FAILED: 'environment',
  SYSTEM: 'environment',
  INTERNAL: 'internal',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface P6nErrorOptions {
  /** What the reader can do about it: one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * An error for a reader. The message names the action, then a colon, then the facts:
 * `Cannot create app "web": the name is taken`.
 */
export class P6nError extends Error {
  override readonly name = 'P6nError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: P6nErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }

  get fault(): ErrorFault {
    return ERROR_CODES[this.code];
  }

  /** The exit code of a program that ends with this error. */
  get exitCode(): 1 | 2 {
    return this.fault === 'usage' ? 2 : 1;
  }
}

/** Whether `code` is one of ours. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}

/**
 * `error` itself when it is a P6nError, else an INTERNAL one around it, whose message says what was
 * being done.
 */
export function asP6nError(error: unknown, action: string): P6nError {
  if (error instanceof P6nError) return error;
  const facts = error instanceof Error ? error.message : String(error);
  return new P6nError('INTERNAL', `${action}: ${facts}`, { cause: error });
}
