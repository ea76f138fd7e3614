// What every implementation of the crypto port must do: vectors of RFCs and of others, the rules of
// the port's comments, and equality with the reference and with node:crypto on random inputs.

import assert from 'node:assert/strict';
import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { toHex } from '../../src/base/bytes.ts';
import type { Slab } from '../../src/base/slab.ts';
import {
  AEAD_TAG_BYTES,
  type Crypto,
  HASH_BYTES,
  KEY_BYTES,
  NONCE_BYTES,
  type PrivateKey,
  type SymmetricKey,
  XNONCE_BYTES,
} from '../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { hex, readForeignVectors, readVectors } from '../vectors/vectors.ts';
import { diffieHellman, hash, mac, open, seal } from './crypto-results.ts';

interface Rfc7748 {
  readonly x25519: readonly { section: string; scalar: string; u: string; output: string }[];
  readonly iterated: readonly { section: string; iterations: number; output: string }[];
  readonly diffieHellman: Readonly<Record<string, string>>;
}
interface Rfc8439 {
  readonly aead: readonly {
    section: string;
    key: string;
    nonce: string;
    additional: string;
    plaintext: string[];
    ciphertext: string[];
    tag: string;
  }[];
}
interface Rfc7693 {
  readonly blake2s: readonly { section: string; text: string; output: string }[];
}
export interface Wycheproof<T> {
  readonly testGroups: readonly { readonly ivSize?: number; readonly tests: readonly T[] }[];
}
interface XdhTest {
  readonly tcId: number;
  readonly public: string;
  readonly private: string;
  readonly shared: string;
}
export interface AeadTest {
  readonly tcId: number;
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
  readonly result: 'valid' | 'invalid';
}

const RUNS = 60;
const SLAB_BYTES = 4096;
/** Packets do not start at aligned places. */
const OFFSET = 21;

/** Runs the suite on `crypto`, whose native code can use the slabs that `makeSlab` makes. */
export function cryptoSuite(crypto: Crypto, makeSlab: (length: number) => Slab): void {
  curveTests(crypto);
  hashTests(crypto);
  fieldTests(crypto);
  sessionTests(crypto, makeSlab);
}

function curveTests(crypto: Crypto): void {
  const rfc = readVectors<Rfc7748>('rfc7748');

  test(`${crypto.name}: diffieHellman() computes X25519 (RFC 7748, sections 5.2 and 6.1)`, () => {
    for (const { scalar, u, output } of rfc.x25519) {
      assert.equal(toHex(diffieHellman(crypto, hex(scalar), hex(u))!), output);
    }
    const { alicePrivate, alicePublic, bobPrivate, bobPublic, shared } = rfc.diffieHellman;
    assert.equal(toHex(crypto.publicKey(hex(alicePrivate!) as PrivateKey)), alicePublic);
    assert.equal(toHex(crypto.publicKey(hex(bobPrivate!) as PrivateKey)), bobPublic);
    assert.equal(toHex(diffieHellman(crypto, hex(alicePrivate!), hex(bobPublic!))!), shared);
    assert.equal(toHex(diffieHellman(crypto, hex(bobPrivate!), hex(alicePublic!))!), shared);
  });

  test(`${crypto.name}: diffieHellman() stands 1,000 iterations (RFC 7748, section 5.2)`, () => {
    let k = new Uint8Array(KEY_BYTES);
    k[0] = 9;
    let u = k;
    let done = 0;
    for (const { iterations, output } of rfc.iterated) {
      for (; done < iterations; done++) {
        const next = diffieHellman(crypto, k, u);
        u = k;
        k = Uint8Array.from(next!);
      }
      assert.equal(toHex(k), output);
    }
  });

  const foreign = readForeignVectors<Wycheproof<XdhTest>>('wycheproof/x25519_test.json');
  test(`${crypto.name}: diffieHellman() passes Wycheproof, all-zero results refused`, {
    skip: foreign.skip,
  }, () => {
    if (foreign.skip !== false) return;
    for (const one of foreign.vectors.testGroups.flatMap((group) => group.tests)) {
      const shared = diffieHellman(crypto, hex(one.private), hex(one.public));
      if (/^0*$/.test(one.shared)) assert.equal(shared, undefined, `tcId ${one.tcId}`);
      else assert.equal(toHex(shared!), one.shared, `tcId ${one.tcId}`);
    }
  });

  test(`${crypto.name}: publicKey() and diffieHellman() equal the reference`, () => {
    fc.assert(
      fc.property(key(), key(), (a, b) => {
        const ours = crypto.publicKey(a as PrivateKey);
        assert.deepEqual(Uint8Array.from(ours), NOBLE_CRYPTO.publicKey(a as PrivateKey));
        const shared = diffieHellman(crypto, b, ours);
        assert.equal(toHex(shared!), toHex(diffieHellman(NOBLE_CRYPTO, b, ours)!));
      }),
      { numRuns: 10 },
    );
  });
}

function hashTests(crypto: Crypto): void {
  test(`${crypto.name}: hash() computes BLAKE2s-256 (RFC 7693, appendix B)`, () => {
    for (const { text, output } of readVectors<Rfc7693>('rfc7693').blake2s) {
      assert.equal(toHex(hash(crypto, new TextEncoder().encode(text))), output);
    }
  });

  test(`${crypto.name}: hash() and hmac() equal node:crypto for one part and for two`, () => {
    fc.assert(
      fc.property(bytes(0, 150), bytes(0, 150), bytes(0, 80), (a, b, secret) => {
        const whole = Buffer.concat([a, b]);
        const digest = createHash('blake2s256').update(whole).digest('hex');
        assert.equal(toHex(hash(crypto, whole)), digest);
        assert.equal(toHex(hash(crypto, a, b)), digest);
        const hmac = createHmac('blake2s256', secret).update(whole).digest('hex');
        const ours = new Uint8Array(HASH_BYTES);
        crypto.hmac(ours, secret, whole);
        assert.equal(toHex(ours), hmac);
        crypto.hmac(ours, secret, a, b);
        assert.equal(toHex(ours), hmac);
      }),
      { numRuns: RUNS },
    );
  });

  test(`${crypto.name}: mac() equals the reference for one part and for two`, () => {
    fc.assert(
      fc.property(bytes(0, 150), bytes(0, 150), bytes(1, 32), (a, b, secret) => {
        const whole = Buffer.concat([a, b]);
        const expected = toHex(mac(NOBLE_CRYPTO, secret, whole));
        assert.equal(expected.length, 32);
        assert.equal(toHex(mac(crypto, secret, whole)), expected);
        assert.equal(toHex(mac(crypto, secret, a, b)), expected);
      }),
      { numRuns: RUNS },
    );
  });
}

function fieldTests(crypto: Crypto): void {
  test(`${crypto.name}: aeadSeal() equals node:crypto and aeadOpen() undoes it`, () => {
    fc.assert(
      fc.property(key(), bytes(12, 12), bytes(0, 64), bytes(0, 64), (secret, nonce, p, a) => {
        const sealed = seal(crypto.aeadSeal, secret, nonce, p, a);
        assert.equal(toHex(sealed), toHex(nodeSeal(secret, nonce, a, p)));
        assert.equal(toHex(open(crypto.aeadOpen, secret, nonce, sealed, a)!), toHex(p));
      }),
      { numRuns: RUNS },
    );
  });

  test(`${crypto.name}: aeadOpen() refuses any changed bit and too short a ciphertext`, () => {
    const secret = new Uint8Array(KEY_BYTES).fill(3);
    const nonce = new Uint8Array(NONCE_BYTES);
    const additional = Uint8Array.of(1, 2, 3);
    const sealed = seal(crypto.aeadSeal, secret, nonce, Uint8Array.of(9, 8, 7), additional);
    for (let bit = 0; bit < 8 * sealed.length; bit++) {
      const changed = Uint8Array.from(sealed);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(open(crypto.aeadOpen, secret, nonce, changed, additional), undefined);
    }
    assert.equal(open(crypto.aeadOpen, secret, nonce, sealed, Uint8Array.of(1, 2)), undefined);
    assert.equal(
      open(crypto.aeadOpen, secret, nonce, sealed.subarray(0, 15), additional),
      undefined,
    );
  });

  test(`${crypto.name}: aeadSeal() and aeadOpen() compute RFC 8439, section 2.8.2 and A.5`, () => {
    for (const vector of readVectors<Rfc8439>('rfc8439').aead) {
      const [secret, nonce, additional] = [vector.key, vector.nonce, vector.additional].map(hex);
      const sealed = seal(crypto.aeadSeal, secret!, nonce!, hex(vector.plaintext), additional!);
      assert.equal(toHex(sealed), vector.ciphertext.join('') + vector.tag, vector.section);
      const opened = open(crypto.aeadOpen, secret!, nonce!, sealed, additional!);
      assert.equal(toHex(opened!), vector.plaintext.join(''));
    }
  });

  aeadTests(`${crypto.name}: aeadSeal() and aeadOpen()`, {
    vectors: 'wycheproof/chacha20_poly1305_test.json',
    nonceBytes: NONCE_BYTES,
    sealBy: crypto.aeadSeal,
    openBy: crypto.aeadOpen,
  });
  aeadTests(`${crypto.name}: xaeadSeal() and xaeadOpen()`, {
    vectors: 'wycheproof/xchacha20_poly1305_test.json',
    nonceBytes: XNONCE_BYTES,
    sealBy: crypto.xaeadSeal,
    openBy: crypto.xaeadOpen,
  });

  test(`${crypto.name}: xaeadSeal() equals the reference`, () => {
    fc.assert(
      fc.property(key(), bytes(24, 24), bytes(16, 16), bytes(16, 16), (secret, nonce, p, a) => {
        const sealed = seal(crypto.xaeadSeal, secret, nonce, p, a);
        assert.equal(toHex(sealed), toHex(seal(NOBLE_CRYPTO.xaeadSeal, secret, nonce, p, a)));
        assert.equal(toHex(open(crypto.xaeadOpen, secret, nonce, sealed, a)!), toHex(p));
      }),
      { numRuns: RUNS },
    );
  });
}

interface Aead {
  readonly vectors: string;
  readonly nonceBytes: number;
  readonly sealBy: Crypto['aeadSeal'];
  readonly openBy: Crypto['aeadOpen'];
}

function aeadTests(name: string, { vectors, nonceBytes, sealBy, openBy }: Aead): void {
  const foreign = readForeignVectors<Wycheproof<AeadTest>>(vectors);
  test(`${name} pass Wycheproof`, { skip: foreign.skip }, () => {
    if (foreign.skip !== false) return;
    const groups = foreign.vectors.testGroups.filter((group) => group.ivSize === 8 * nonceBytes);
    for (const one of groups.flatMap((group) => group.tests)) {
      const [secret, nonce, additional] = [hex(one.key), hex(one.iv), hex(one.aad)];
      const opened = open(openBy, secret, nonce, hex(one.ct + one.tag), additional);
      if (one.result === 'invalid') {
        assert.equal(opened, undefined, `tcId ${one.tcId}`);
        continue;
      }
      assert.equal(toHex(opened!), one.msg, `tcId ${one.tcId}`);
      const sealed = seal(sealBy, secret, nonce, hex(one.msg), additional);
      assert.equal(toHex(sealed), one.ct + one.tag, `tcId ${one.tcId}`);
    }
  });
}

function sessionTests(crypto: Crypto, makeSlab: (length: number) => Slab): void {
  test(`${crypto.name}: SessionCipher seals with the keystream of RFC 8439, appendix A.5`, () => {
    const vector = readVectors<Rfc8439>('rfc8439').aead.find((one) => one.section === 'A.5')!;
    const cipher = crypto.sessionCipher(hex(vector.key) as SymmetricKey);
    const slab = makeSlab(SLAB_BYTES);
    const plaintext = hex(vector.plaintext);
    const nonce = new DataView(hex(vector.nonce).buffer);
    slab.bytes.set(plaintext, OFFSET);
    cipher.seal(slab, OFFSET, plaintext.length, nonce.getUint32(4, true), nonce.getUint32(8, true));
    const sealed = slab.bytes.slice(OFFSET, OFFSET + plaintext.length);
    assert.equal(toHex(sealed), vector.ciphertext.join(''));
    cipher.dispose();
  });

  test(`${crypto.name}: SessionCipher.seal() equals node:crypto, touching nothing else`, () => {
    fc.assert(
      fc.property(key(), bytes(0, 1500), u32(), u32(), (secret, plaintext, low, high) => {
        const cipher = crypto.sessionCipher(secret as SymmetricKey);
        const slab = makeSlab(SLAB_BYTES);
        slab.bytes.fill(0xee);
        slab.bytes.set(plaintext, OFFSET);
        cipher.seal(slab, OFFSET, plaintext.length, low, high);
        const end = OFFSET + plaintext.length + AEAD_TAG_BYTES;
        const expected = nodeSeal(secret, nonceOf(low, high), new Uint8Array(0), plaintext);
        assert.equal(toHex(slab.bytes.slice(OFFSET, end)), toHex(expected));
        assert.ok(slab.bytes.subarray(0, OFFSET).every((byte) => byte === 0xee));
        assert.ok(slab.bytes.subarray(end).every((byte) => byte === 0xee));
        assert.ok(cipher.open(slab, OFFSET, plaintext.length + AEAD_TAG_BYTES, low, high));
        const opened = slab.bytes.slice(OFFSET, OFFSET + plaintext.length);
        assert.equal(toHex(opened), toHex(plaintext));
        cipher.dispose();
      }),
      { numRuns: RUNS },
    );
  });

  test(`${crypto.name}: SessionCipher.open() refuses a changed bit or another counter`, () => {
    const cipher = crypto.sessionCipher(new Uint8Array(KEY_BYTES).fill(7) as SymmetricKey);
    const slab = makeSlab(SLAB_BYTES);
    const length = 40;
    const trial = (change: () => void, low: number, high: number) => {
      slab.bytes.fill(5, OFFSET, OFFSET + length);
      cipher.seal(slab, OFFSET, length, 1, 2);
      change();
      return cipher.open(slab, OFFSET, length + AEAD_TAG_BYTES, low, high);
    };
    assert.ok(trial(() => undefined, 1, 2));
    assert.ok(!trial(() => undefined, 2, 2));
    assert.ok(!trial(() => undefined, 1, 3));
    for (let i = 0; i < length + AEAD_TAG_BYTES; i++) {
      const flip = () => {
        slab.bytes[OFFSET + i]! ^= 0x80;
      };
      assert.ok(!trial(flip, 1, 2), `byte ${i}`);
    }
    assert.ok(
      trial(() => undefined, 1, 2),
      'a refusal leaves the cipher usable',
    );
    cipher.dispose();
    cipher.dispose();
  });

  test(`${crypto.name}: sessionCipher() copies its key`, () => {
    const secret = new Uint8Array(KEY_BYTES).fill(7);
    const cipher = crypto.sessionCipher(secret as SymmetricKey);
    const other = crypto.sessionCipher(Uint8Array.from(secret) as SymmetricKey);
    secret.fill(0);
    const slab = makeSlab(SLAB_BYTES);
    cipher.seal(slab, OFFSET, 10, 0, 0);
    assert.ok(other.open(slab, OFFSET, 10 + AEAD_TAG_BYTES, 0, 0));
    cipher.dispose();
    other.dispose();
  });
}

function nodeSeal(
  secret: Uint8Array,
  nonce: Uint8Array,
  additional: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const options = { authTagLength: AEAD_TAG_BYTES };
  const cipher = createCipheriv('chacha20-poly1305', secret, nonce, options);
  cipher.setAAD(additional, { plaintextLength: plaintext.length });
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([ciphertext, cipher.getAuthTag()]);
}

function nonceOf(low: number, high: number): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setUint32(4, low, true);
  new DataView(nonce.buffer).setUint32(8, high, true);
  return nonce;
}

function key(): fc.Arbitrary<Uint8Array> {
  return bytes(KEY_BYTES, KEY_BYTES);
}

function bytes(minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength, maxLength }).map((array) => Uint8Array.from(array));
}

function u32(): fc.Arbitrary<number> {
  return fc.integer({ min: 0, max: 0xffff_ffff });
}
