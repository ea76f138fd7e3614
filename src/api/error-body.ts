// Errors on the wire and back: what a P6nError looks like in HTTP, and the P6nError that a client
// makes of an answer.

import { type ErrorFault, isErrorCode, P6nError } from '../base/errors.ts';
import type { ErrorBody } from './contract/error.ts';

const STATUS_BY_FAULT: Readonly<Record<ErrorFault, number>> = {
  usage: 400,
  unproved: 401,
  denied: 403,
  missing: 404,
  conflict: 409,
  environment: 503,
  internal: 500,
};

/** What the Machines API says of a name that somebody has; its clients look for these words. */
const NAME_TAKEN = 'Validation failed: Name has already been taken';

export function httpStatus(error: P6nError): number {
  return STATUS_BY_FAULT[error.fault];
}

/** What a caller may know of `error`: of an internal one no more than that it happened. */
export function errorBody(error: P6nError): ErrorBody {
  if (error.fault === 'internal') {
    return {
      error: 'Cannot answer the request: something is wrong in p6nd',
      status: 'unknown',
      code: error.code,
      hint: "The log of p6nd has the details; they are worth a report to p6n's maintainers.",
    };
  }
  return {
    error: error.message,
    status: 'unknown',
    code: error.code,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}

/** That of a taken name of an app, in the words of the Machines API. */
export function nameTakenBody(error: P6nError): ErrorBody {
  const details = error.message;
  return { ...errorBody(error), error: NAME_TAKEN, status: 'name_taken', details };
}

/** The error that an answer of `status` with this body stands for; `value` may be anything. */
export function errorFromBody(value: unknown, status: number): P6nError {
  const body = typeof value === 'object' && value !== null ? (value as Partial<ErrorBody>) : {};
  const { error, code, hint, details } = body;
  if (typeof error !== 'string' || typeof code !== 'string' || !isErrorCode(code)) {
    return new P6nError('INTERNAL', `Cannot read the answer: HTTP status ${status}`, {
      hint: 'The other side is not p6nd, or one of another version; compare `--version` of both.',
    });
  }
  const message = typeof details === 'string' ? details : error;
  return new P6nError(code, message, typeof hint === 'string' ? { hint } : {});
}
