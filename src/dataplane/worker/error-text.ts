// A P6nError in plain text, for what a worker says: classes do not cross threads.

import { type ErrorCode, P6nError } from '../../base/errors.ts';

export interface ErrorText {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
}

export function errorText({ code, message, hint }: P6nError): ErrorText {
  return { code, message, hint };
}

export function errorFromText({ code, message, hint }: ErrorText): P6nError {
  return new P6nError(code, message, hint === undefined ? {} : { hint });
}
