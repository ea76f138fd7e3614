// What the registry accepts as a key, an endpoint or metadata, and how it names what is in the way.

import { isSiteAddress } from '../addressing/layout.ts';
import { fromBase64, isAllZero } from '../base/bytes.ts';
import { P6nError } from '../base/errors.ts';
import { parseHostPort } from '../ip/host-port.ts';
import {
  METADATA_BYTES_MAX,
  METADATA_KEY_LENGTH_MAX,
  METADATA_PAIRS_MAX,
  METADATA_VALUE_LENGTH_MAX,
} from './model.ts';

export const ENDPOINTS_MAX = 16;
/** A name of 253 characters, a colon and a port. */
export const ENDPOINT_LENGTH_MAX = 259;
const NAMES_SHOWN_MAX = 5;

const KEY_BYTES = 32;

/** Throws VALUE_INVALID unless `publicKey` is 32 bytes in base64, not all zero. */
export function requirePublicKey(publicKey: string): void {
  const bytes = fromBase64(publicKey);
  if (bytes?.length === KEY_BYTES && !isAllZero(bytes)) return;
  throw new P6nError('VALUE_INVALID', 'Cannot use the public key: it is not 32 bytes in base64');
}

/** Throws VALUE_INVALID or LIMIT_REACHED unless each is `HOST:PORT` or `[IPV6]:PORT`. */
export function requireEndpoints(endpoints: readonly string[]): void {
  if (endpoints.length > ENDPOINTS_MAX) {
    throw new P6nError(
      'LIMIT_REACHED',
      `Cannot use ${endpoints.length} endpoints: a host has ${ENDPOINTS_MAX} at most`,
    );
  }
  for (const endpoint of endpoints) {
    const problem = endpointProblem(endpoint);
    if (problem === undefined) continue;
    throw new P6nError('VALUE_INVALID', `Cannot use endpoint "${endpoint}": ${problem}`, {
      hint: 'Write a name or an address and a port, with IPv6 in brackets: [2001:db8::1]:51820.',
    });
  }
}

/** Throws VALUE_INVALID unless the metadata of an instance keeps to its limits. */
export function requireMetadata(
  machineId: string,
  metadata: Readonly<Record<string, string>>,
): void {
  const problem = metadataProblem(Object.entries(metadata));
  if (problem === undefined) return;
  throw new P6nError('VALUE_INVALID', `Cannot write instance "${machineId}": ${problem}`, {
    hint: 'Metadata are short facts for other programs; keep files elsewhere.',
  });
}

/** Some of `names`, for a sentence that says what is in the way. */
export function nameSome(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN_MAX).join(', ');
  const more = names.length - NAMES_SHOWN_MAX;
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** Through an endpoint inside the mesh a tunnel would carry itself, round and round. */
function endpointProblem(endpoint: string): string | undefined {
  const host = parseHostPort(endpoint)?.host;
  if (host === undefined) return 'it is not HOST:PORT';
  if (host.includes('%')) return 'its zone means nothing to other hosts';
  return isSiteAddress(host) ? 'it is inside the mesh' : undefined;
}

function metadataProblem(pairs: readonly (readonly [string, unknown])[]): string | undefined {
  if (pairs.length > METADATA_PAIRS_MAX) return `it has more than ${METADATA_PAIRS_MAX} metadata`;
  let bytes = 0;
  for (const [key, value] of pairs) {
    if (typeof value !== 'string') return 'a value of its metadata is no text';
    if (key === '' || key.length > METADATA_KEY_LENGTH_MAX) {
      return `a key of its metadata is not 1 to ${METADATA_KEY_LENGTH_MAX} characters`;
    }
    if (value.length > METADATA_VALUE_LENGTH_MAX) {
      return `a value of its metadata is longer than ${METADATA_VALUE_LENGTH_MAX} characters`;
    }
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  return bytes > METADATA_BYTES_MAX
    ? `its metadata are more than ${METADATA_BYTES_MAX} bytes`
    : undefined;
}
