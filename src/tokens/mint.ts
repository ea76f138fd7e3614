// Making tokens: the first block needs the site's key, each further one the secret that the token
// itself holds, and nobody's help.

import nacl from 'tweetnacl';
import { wipe } from '../base/bytes.ts';
import { P6nError } from '../base/errors.ts';
import { type Random, randomBytes } from '../base/random.ts';
import {
  BLOCK_CONTENT_BYTES_MAX,
  blockStatement,
  formatToken,
  parseToken,
  TOKEN_BLOCKS_MAX,
  TOKEN_LENGTH_MAX,
  TOKEN_SEED_BYTES,
  type TokenBlock,
} from './format.ts';
import { formatRestrictions, type Restrictions, type RootRestrictions } from './restrictions.ts';

/** Signs with the site's key; 64 bytes. */
export type SignStatement = (said: Uint8Array) => Uint8Array;

/** A token with all that `restrictions` allow. Throws LIMIT_REACHED when they are too long. */
export function mintToken(
  restrictions: RootRestrictions,
  sign: SignStatement,
  random: Random,
): string {
  return extend([], restrictions, sign, random);
}

/**
 * A token that allows what both `token` and `restrictions` allow. Throws TOKEN_INVALID for what is
 * no token, LIMIT_REACHED when it cannot be narrowed any further.
 */
export function narrowToken(token: string, restrictions: Restrictions, random: Random): string {
  const parts = parseToken(token);
  if (parts === undefined) {
    throw new P6nError('TOKEN_INVALID', 'Cannot narrow the token: it is not a whole token', {
      hint: 'Copy the whole line that `p6nctl tokens create` printed.',
    });
  }
  const { secretKey } = nacl.sign.keyPair.fromSeed(parts.seed);
  try {
    return extend(
      parts.blocks,
      restrictions,
      (said) => nacl.sign.detached(said, secretKey),
      random,
    );
  } finally {
    wipe(secretKey, parts.seed);
  }
}

function extend(
  before: readonly TokenBlock[],
  restrictions: Restrictions,
  sign: SignStatement,
  random: Random,
): string {
  const content = new TextEncoder().encode(formatRestrictions(restrictions));
  if (before.length >= TOKEN_BLOCKS_MAX) throw tooMuch(`it has ${TOKEN_BLOCKS_MAX} blocks`);
  if (content.length > BLOCK_CONTENT_BYTES_MAX) throw tooMuch('it would name too much');
  const seed = randomBytes(random, TOKEN_SEED_BYTES);
  const { publicKey: nextKey, secretKey } = nacl.sign.keyPair.fromSeed(seed);
  wipe(secretKey);
  const signature = sign(blockStatement(before.at(-1), { content, nextKey }));
  const text = formatToken({ blocks: [...before, { content, nextKey, signature }], seed });
  wipe(seed);
  if (text.length > TOKEN_LENGTH_MAX) throw tooMuch(`it would exceed ${TOKEN_LENGTH_MAX} letters`);
  return text;
}

function tooMuch(facts: string): P6nError {
  return new P6nError('LIMIT_REACHED', `Cannot make the token: ${facts}`, {
    hint: 'Name fewer organizations and apps, or narrow a token that is wider.',
  });
}
