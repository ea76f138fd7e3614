// Whether a token is the site's word: every block is signed by the key that the one before it
// names, the first by the site's, and whoever shows it has the secret of the last.

import nacl from 'tweetnacl';
import { equalConstantTime, wipe } from '../base/bytes.ts';
import { blockStatement, parseToken, type TokenBlock } from './format.ts';
import {
  isRoot,
  parseRestrictions,
  type Restrictions,
  type RootRestrictions,
} from './restrictions.ts';

/** Whether the signature of the key on what was said is right. */
export type VerifySignature = (
  publicKey: Uint8Array,
  signature: Uint8Array,
  said: Uint8Array,
) => boolean;

/** A token that the site has made. Whether it has expired or was revoked is another question. */
export interface VerifiedToken {
  readonly id: string;
  /** All of them hold; the first is the site's own. */
  readonly restrictions: readonly [RootRestrictions, ...Restrictions[]];
}

/** Never throws; undefined for what the key `siteKey` has not signed. */
export function verifyToken(
  text: string,
  siteKey: Uint8Array,
  verify: VerifySignature,
): VerifiedToken | undefined {
  const parts = parseToken(text);
  if (parts === undefined) return undefined;
  const { blocks, seed } = parts;
  try {
    // The signatures first: what nobody has signed costs one of them and no more.
    return isSigned(blocks, siteKey, verify) && isHeld(blocks, seed) ? read(blocks) : undefined;
  } finally {
    wipe(seed);
  }
}

function isSigned(
  blocks: readonly TokenBlock[],
  siteKey: Uint8Array,
  verify: VerifySignature,
): boolean {
  let key = siteKey;
  let before: TokenBlock | undefined;
  for (const block of blocks) {
    if (!verify(key, block.signature, blockStatement(before, block))) return false;
    key = block.nextKey;
    before = block;
  }
  return true;
}

/** Whether `seed` is that of the last key. */
function isHeld(blocks: readonly TokenBlock[], seed: Uint8Array): boolean {
  const { publicKey, secretKey } = nacl.sign.keyPair.fromSeed(seed);
  wipe(secretKey);
  return equalConstantTime(publicKey, blocks.at(-1)?.nextKey ?? new Uint8Array());
}

function read(blocks: readonly TokenBlock[]): VerifiedToken | undefined {
  const read: Restrictions[] = [];
  for (const { content } of blocks) {
    const restrictions = parseRestrictions(Buffer.from(content).toString('utf8'));
    if (restrictions === undefined) return undefined;
    read.push(restrictions);
  }
  const [root, ...others] = read;
  // The name is the site's to give.
  if (root === undefined || !isRoot(root) || others.some((one) => 'id' in one)) return undefined;
  return { id: root.id, restrictions: [root, ...others] };
}
