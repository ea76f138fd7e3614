// How a token is written: on one line that survives a copy and paste, and tells when it did not.
//
//   PREFIX base64url( JSON || first 4 bytes of SHA-256 over the JSON )

import { createHash } from 'node:crypto';
import { P6nError } from '../base/errors.ts';

const CHECK_BYTES = 4;
const TOKEN_LENGTH_MAX = 32_768;

export function formatTokenText(prefix: string, value: object): string {
  const body = Buffer.from(JSON.stringify(value));
  return prefix + Buffer.concat([body, check(body)]).toString('base64url');
}

/**
 * What a token with white space round it holds. Throws TOKEN_INVALID; the error holds nothing of
 * the token.
 */
export function parseTokenText(prefix: string, text: string): unknown {
  const trimmed = text.trim();
  if (!trimmed.startsWith(prefix)) throw invalidToken(`it does not start with ${prefix}`);
  if (trimmed.length > TOKEN_LENGTH_MAX) throw invalidToken('it is too long');
  const bytes = Buffer.from(trimmed.slice(prefix.length), 'base64url');
  const body = bytes.subarray(0, Math.max(0, bytes.length - CHECK_BYTES));
  if (!check(body).equals(bytes.subarray(body.length)))
    throw invalidToken('its end is missing or it was mistyped');
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    throw invalidToken('it holds no token');
  }
}

export function invalidToken(reason: string): P6nError {
  return new P6nError('TOKEN_INVALID', `Cannot use the invite's token: ${reason}`, {
    hint: 'Copy the whole line that `p6nctl hosts invite` printed, or make a new invite.',
  });
}

function check(body: Uint8Array): Buffer {
  return createHash('sha256').update(body).digest().subarray(0, CHECK_BYTES);
}
