// Tokens: what is signed cannot be bent, widened or cut short, narrowing needs nobody, and what is
// no token is taken for none without an exception.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import nacl from 'tweetnacl';
import type { WallMillis } from '../../src/base/clock.ts';
import { P6nError } from '../../src/base/errors.ts';
import { hasSigned } from '../../src/registry/site-signature.ts';
import {
  formatToken,
  parseToken,
  TOKEN_BLOCKS_MAX,
  TOKEN_LENGTH_MAX,
  TOKEN_PREFIX,
} from '../../src/tokens/format.ts';
import { mintToken, narrowToken } from '../../src/tokens/mint.ts';
import {
  formatRestrictions,
  parseRestrictions,
  type Restrictions,
} from '../../src/tokens/restrictions.ts';
import { isCurrent, permitsObject, permitsVerb } from '../../src/tokens/scope.ts';
import { type VerifiedToken, verifyToken } from '../../src/tokens/verify.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

const RANDOM = new SeededRandom(7);
const SITE = nacl.sign.keyPair.fromSeed(new Uint8Array(32).fill(1));
const OTHER = nacl.sign.keyPair.fromSeed(new Uint8Array(32).fill(2));
const ID = '0123456789abcdef';
const END = 1_000 as WallMillis;

function mint(restrictions: Restrictions = {}): string {
  const sign = (said: Uint8Array): Uint8Array => nacl.sign.detached(said, SITE.secretKey);
  return mintToken({ id: ID, expiresAt: END, ...restrictions }, sign, RANDOM);
}

function verify(token: string, key: Uint8Array = SITE.publicKey): VerifiedToken | undefined {
  return verifyToken(token, key, hasSigned);
}

test('a token says what it was made for, under the key that signed it and no other', () => {
  const token = mint({ verbs: ['read'], apps: ['web'] });
  assert.deepEqual(verify(token), {
    id: ID,
    restrictions: [{ id: ID, expiresAt: END, verbs: ['read'], apps: ['web'] }],
  });
  assert.equal(verify(token, OTHER.publicKey), undefined);
  assert.equal(verify(token, new Uint8Array()), undefined);
});

test('a narrowed token holds all restrictions, those of before among them', () => {
  const token = narrowToken(mint({ verbs: ['read', 'change'] }), { verbs: ['change'] }, RANDOM);
  const twice = narrowToken(token, { apps: ['web'], expiresAt: 500 as WallMillis }, RANDOM);
  const restrictions = verify(twice)?.restrictions ?? [];
  assert.equal(restrictions.length, 3);
  assert.ok(permitsVerb(restrictions, 'change'));
  assert.equal(permitsVerb(restrictions, 'read'), false);
  assert.ok(isCurrent(restrictions, 499 as WallMillis));
  assert.equal(isCurrent(restrictions, 500 as WallMillis), false);
  // A later block cannot give what an earlier one has taken.
  const wider = narrowToken(twice, { verbs: ['read'], expiresAt: 9_999 as WallMillis }, RANDOM);
  const widened = verify(wider)?.restrictions ?? [];
  assert.equal(permitsVerb(widened, 'read'), false);
  assert.equal(isCurrent(widened, 500 as WallMillis), false);
});

test('a token of which one bit is another is none', () => {
  const bytes = Buffer.from(
    narrowToken(mint(), { apps: ['web'] }, RANDOM).slice(TOKEN_PREFIX.length),
    'base64url',
  );
  for (let bit = 0; bit < 8 * bytes.length; bit += 3) {
    const bent = Buffer.from(bytes);
    bent[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(verify(TOKEN_PREFIX + bent.toString('base64url')), undefined, `bit ${bit}`);
  }
});

test('a block cannot be cut off, put elsewhere or be of another token', () => {
  const wide = mint();
  const narrow = narrowToken(wide, { apps: ['web'] }, RANDOM);
  const narrower = narrowToken(narrow, { verbs: ['read'] }, RANDOM);
  const [first, second, third] = parseToken(narrower)?.blocks ?? [];
  const { seed } = parseToken(narrower) ?? { seed: new Uint8Array(32) };
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  for (const blocks of [[first], [first, second], [first, third], [first, third, second]]) {
    assert.equal(verify(formatToken({ blocks, seed })), undefined);
  }
  assert.ok(verify(formatToken({ blocks: [first, second, third], seed })));
  // The last key is proved by its secret: an earlier token's does not do.
  const { seed: earlier } = parseToken(wide) ?? { seed };
  assert.equal(verify(formatToken({ blocks: [first, second, third], seed: earlier })), undefined);
  const stranger = parseToken(narrowToken(mint(), { apps: ['web'] }, RANDOM))?.blocks[1];
  assert.ok(stranger !== undefined);
  assert.equal(verify(formatToken({ blocks: [first, stranger], seed })), undefined);
});

test('only the site gives a name, and it always does', () => {
  const renamed = narrowToken(mint(), { id: 'f'.repeat(16) } as Restrictions, RANDOM);
  assert.equal(verify(renamed), undefined);
  const sign = (said: Uint8Array): Uint8Array => nacl.sign.detached(said, SITE.secretKey);
  const nameless = mintToken({ expiresAt: END } as never, sign, RANDOM);
  assert.equal(verify(nameless), undefined);
  const endless = mintToken({ id: ID } as never, sign, RANDOM);
  assert.equal(verify(endless), undefined);
});

test('tokens are bounded in blocks and in letters', () => {
  let token = mint();
  for (let blocks = 1; blocks < TOKEN_BLOCKS_MAX; blocks++) {
    token = narrowToken(token, { apps: ['web'] }, RANDOM);
  }
  assert.ok(verify(token));
  assert.throws(() => narrowToken(token, { apps: ['web'] }, RANDOM), hasCode('LIMIT_REACHED'));
  const names = Array.from({ length: 32 }, (_, number) => `${'x'.repeat(60)}${number}`);
  const long = narrowToken(mint({ apps: names }), { organizations: names }, RANDOM);
  assert.ok(long.length <= TOKEN_LENGTH_MAX && verify(long) !== undefined);
  assert.throws(() => narrowToken(long, { apps: names }, RANDOM), hasCode('LIMIT_REACHED'));
  assert.throws(
    () => narrowToken(mint(), { apps: names, organizations: names }, RANDOM),
    hasCode('LIMIT_REACHED'),
  );
});

test('an error about a token holds nothing of it', () => {
  const token = mint().slice(0, -1);
  try {
    narrowToken(token, {}, RANDOM);
    assert.fail();
  } catch (error) {
    assert.ok(hasCode('TOKEN_INVALID')(error));
    const { hint = '', message } = error as P6nError;
    assert.doesNotMatch(`${message}${hint}`, /p6nt_/);
  }
});

const TEXTS: Readonly<Record<string, string>> = {
  'an unknown field': '{"id":"0123456789abcdef","expires_at":1,"root":true}',
  'a field twice': '{"expires_at":1,"expires_at":2}',
  'another order': '{"verbs":["read"],"expires_at":1}',
  'white space': '{"expires_at": 1}',
  'an unknown verb': '{"verbs":["own"]}',
  'a verb twice': '{"verbs":["read","read"]}',
  'no verbs': '{"verbs":[]}',
  'a name with other letters': '{"apps":["web\\u0000"]}',
  'a name that is a pattern': '{"apps":["*"]}',
  'a time before all': '{"expires_at":-1}',
  'a time in parts': '{"expires_at":1.5}',
  'a time as a text': '{"expires_at":"1"}',
  'a list': '[]',
  nothing: '',
  null: 'null',
  'a prototype': '{"__proto__":{"id":"0123456789abcdef"}}',
};
for (const [what, text] of Object.entries(TEXTS)) {
  test(`restrictions with ${what} are none`, () => {
    assert.equal(parseRestrictions(text), undefined);
  });
}

test('restrictions have one text, and it says them', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,62}$/), {
    minLength: 1,
    maxLength: 8,
  });
  const restrictions = fc.record(
    {
      expiresAt: fc.nat() as fc.Arbitrary<WallMillis>,
      verbs: fc.uniqueArray(fc.constantFrom('read' as const, 'remove' as const), { minLength: 1 }),
      organizations: names,
      apps: names,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(restrictions, (one) => {
      assert.deepEqual({ ...parseRestrictions(formatRestrictions(one)) }, { ...one });
    }),
  );
});

test('nothing that is no token is taken for one, or throws', () => {
  const good = mint({ apps: ['web'] });
  const bytes = Buffer.from(good.slice(TOKEN_PREFIX.length), 'base64url');
  const bent = fc.tuple(fc.nat(bytes.length - 1), fc.uint8Array({ maxLength: 8 }));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String(), bent), (input) => {
      let text = typeof input === 'string' ? `${TOKEN_PREFIX}${input}` : '';
      if (typeof input !== 'string') {
        const [at, patch] = input;
        const whole = Buffer.concat([bytes.subarray(0, at), patch, bytes.subarray(at)]);
        if (patch.length === 0) return;
        text = TOKEN_PREFIX + whole.toString('base64url');
      }
      assert.equal(verify(text), undefined);
    }),
    { numRuns: 300 },
  );
  assert.equal(verify(`${good}=`), undefined);
  assert.equal(verify(` ${good}`), undefined);
  assert.equal(verify(good.replace(TOKEN_PREFIX, 'p6n1_')), undefined);
});

test('a token allows what its lists name, and the site where it has none', () => {
  const site = {};
  const acme = { organization: 'acme' };
  const web = { organization: 'acme', app: 'web' };
  const cases: readonly [Restrictions, readonly [boolean, boolean, boolean]][] = [
    [{}, [true, true, true]],
    [{ organizations: ['acme'] }, [false, true, true]],
    [{ organizations: ['other'] }, [false, false, false]],
    [{ apps: ['web'] }, [false, false, true]],
    [{ apps: ['db'] }, [false, false, false]],
    [{ organizations: ['acme'], apps: ['web'] }, [false, false, true]],
    [{ organizations: ['other'], apps: ['web'] }, [false, false, false]],
  ];
  for (const [restrictions, expected] of cases) {
    const found = [site, acme, web].map((object) => permitsObject([restrictions], object));
    assert.deepEqual(found, expected, JSON.stringify(restrictions));
  }
  assert.equal(permitsObject([{ apps: ['web'] }, { apps: ['db'] }], web), false);
});

function hasCode(code: P6nError['code']): (error: unknown) => boolean {
  return (error) => error instanceof P6nError && error.code === code;
}
