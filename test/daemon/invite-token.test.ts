// The invite's token: what is written is read, and nothing else is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostId } from '../../src/addressing/ids.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { P6nError } from '../../src/base/errors.ts';
import { formatToken, type InviteToken, parseToken } from '../../src/daemon/invite-token.ts';

const token: InviteToken = {
  privateKey: Buffer.alloc(32, 1).toString('base64'),
  number: 7,
  server: 0x10000 as HostId,
  serverKey: Buffer.alloc(32, 2).toString('base64'),
  endpoints: ['192.0.2.1:51820'],
  siteKey: Buffer.alloc(32, 3).toString('base64'),
  expiresAt: 1_800_000_000_000 as WallMillis,
};

test('parseToken() reads what formatToken() wrote, with white space round it', () => {
  assert.deepEqual(parseToken(`\n ${formatToken(token)}\n`), token);
});

test('parseToken() refuses each truncation and each changed letter', () => {
  const text = formatToken(token);
  for (let length = 0; length < text.length; length += 1) refuses(text.slice(0, length));
  for (let at = 5; at < text.length - 1; at += 1) {
    const other = text[at] === 'A' ? 'B' : 'A';
    refuses(text.slice(0, at) + other + text.slice(at + 1));
  }
});

test('parseToken() refuses a token that lacks a part or holds a bad one', () => {
  const bad: Partial<Record<keyof InviteToken, unknown>>[] = [
    { privateKey: 'short' },
    { number: 0 },
    { number: 65_536 },
    { server: 5 },
    { endpoints: [] },
    { siteKey: undefined },
    { expiresAt: 'soon' },
  ];
  for (const change of bad) refuses(formatToken({ ...token, ...change } as InviteToken));
});

test('parseToken() says nothing of a token that it refuses', () => {
  const secret = formatToken(token).slice(5, 60);
  assert.throws(
    () => parseToken(formatToken(token).slice(0, -3)),
    (error) => error instanceof P6nError && !error.message.includes(secret.slice(0, 8)),
  );
});

function refuses(text: string): void {
  assert.throws(
    () => parseToken(text),
    (error) => error instanceof P6nError && error.code === 'TOKEN_INVALID',
  );
}
