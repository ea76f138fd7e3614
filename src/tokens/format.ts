// A token as bytes and as text. Each block says what it restricts and delegates to a next key; the
// holder of the last key's secret can add a block, and nobody can take one away.
//
//   p6nt_ base64url( version | number of blocks | block | block | ... | secret of the last key )
//
//        0          2          2 + n        34 + n             98 + n
//   block: length n | content n | next key 32 | signature 64 |
//
// The first block is signed by the site's key, each other one by the next key of the block before,
// over the signature of the block before, the content and the next key.

import { statement } from '../base/statement.ts';

export const TOKEN_PREFIX = 'p6nt_';
/** One made by the site, and so often it can be narrowed and one. */
export const TOKEN_BLOCKS_MAX = 8;
export const BLOCK_CONTENT_BYTES_MAX = 4_096;
/** So that it fits the header of a request. */
export const TOKEN_LENGTH_MAX = 8_192;

export const TOKEN_KEY_BYTES = 32;
export const TOKEN_SIGNATURE_BYTES = 64;
/** What a secret key is made from. */
export const TOKEN_SEED_BYTES = 32;

const VERSION = 1;
const HEADER_BYTES = 2;
const LENGTH_BYTES = 2;
const BLOCK_LABEL = 'p6n token block 1';
const TEXT_PATTERN = /^[A-Za-z0-9_-]+$/;

export interface TokenBlock {
  readonly content: Uint8Array;
  readonly nextKey: Uint8Array;
  readonly signature: Uint8Array;
}

export interface TokenParts {
  /** At least one. */
  readonly blocks: readonly TokenBlock[];
  /** Belongs to the next key of the last block. A secret, as all of the token is. */
  readonly seed: Uint8Array;
}

/** What is signed of a block; `before` is the block that it follows, if there is one. */
export function blockStatement(
  before: TokenBlock | undefined,
  { content, nextKey }: Pick<TokenBlock, 'content' | 'nextKey'>,
): Uint8Array {
  const last = before?.signature ?? new Uint8Array();
  return statement(BLOCK_LABEL, [last, content, nextKey]);
}

export function formatToken({ blocks, seed }: TokenParts): string {
  const parts: Uint8Array[] = [Uint8Array.of(VERSION, blocks.length)];
  for (const { content, nextKey, signature } of blocks) {
    parts.push(Uint8Array.of(content.length >> 8, content.length & 0xff));
    parts.push(content, nextKey, signature);
  }
  const bytes = Buffer.concat([...parts, seed]);
  const text = TOKEN_PREFIX + bytes.toString('base64url');
  bytes.fill(0);
  return text;
}

/** The parts of a token, or undefined for what is none. What is signed is not looked at. */
export function parseToken(text: string): TokenParts | undefined {
  if (text.length > TOKEN_LENGTH_MAX || !text.startsWith(TOKEN_PREFIX)) return undefined;
  const body = text.slice(TOKEN_PREFIX.length);
  if (!TEXT_PATTERN.test(body)) return undefined;
  const bytes = Buffer.from(body, 'base64url');
  // The last character may hold bits that no byte has.
  if (bytes.toString('base64url') !== body) return undefined;
  const count = bytes[1] ?? 0;
  if (bytes[0] !== VERSION || count < 1 || count > TOKEN_BLOCKS_MAX) return undefined;
  const blocks: TokenBlock[] = [];
  let at = HEADER_BYTES;
  const take = (length: number): Uint8Array => {
    at += length;
    return new Uint8Array(bytes.subarray(at - length, at));
  };
  for (let number = 0; number < count; number++) {
    const [high = 0, low = 0] = take(LENGTH_BYTES);
    const length = high * 0x100 + low;
    if (length > BLOCK_CONTENT_BYTES_MAX) return undefined;
    const content = take(length);
    const nextKey = take(TOKEN_KEY_BYTES);
    blocks.push({ content, nextKey, signature: take(TOKEN_SIGNATURE_BYTES) });
  }
  const seed = take(TOKEN_SEED_BYTES);
  // One that is cut off is too short, one with something behind it too long.
  return at === bytes.length ? { blocks, seed } : undefined;
}
