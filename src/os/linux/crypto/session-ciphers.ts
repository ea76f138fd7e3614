// Which of OpenSSL's ways seals packets: the fastest one that does what the reference does.

import { equalConstantTime } from '../../../base/bytes.ts';
import {
  AEAD_TAG_BYTES,
  type Crypto,
  KEY_BYTES,
  type SymmetricKey,
} from '../../../wireguard/crypto/crypto.ts';
import { nativeSlab } from '../slab.ts';
import { ChachaScratch } from './chacha-cipher.ts';
import { ChachaCiphers } from './chacha-ciphers.ts';
import { CipherScratch, OpensslSessionCipher } from './openssl-cipher.ts';
import { bindChacha, type OpensslFunctions } from './openssl-functions.ts';

type MakeSessionCipher = Crypto['sessionCipher'];

/** Of nothing, of some bytes, of whole blocks, and of a full packet. */
const CHECKED_LENGTHS: readonly number[] = [0, 100, 128, 1420];
/** Where data messages stand: first of all, and with room for a block in front. */
const CHECKED_OFFSETS: readonly number[] = [16, 80];
/** Behind the packet: none, where it ends the slab, and some. */
const CHECKED_ROOMS: readonly number[] = [0, 80];
const CHECK_FILL = 0xa5;
const CHECK_COUNTER_HIGH = 0x0102_0304;

interface CheckedPlace {
  readonly length: number;
  readonly offset: number;
  readonly room: number;
}

/** Undefined where none agrees with `reference`. */
export function openSessionCipher(
  functions: OpensslFunctions,
  reference: Crypto,
): MakeSessionCipher | undefined {
  for (const make of [chachaCipher(), aeadCipher(functions)]) {
    if (make !== undefined && agreesEverywhere(make, reference)) return make;
  }
  return undefined;
}

function agreesEverywhere(make: MakeSessionCipher, reference: Crypto): boolean {
  return CHECKED_LENGTHS.every((length) =>
    CHECKED_OFFSETS.every((offset) =>
      CHECKED_ROOMS.every((room) => agrees(make, reference, { length, offset, room })),
    ),
  );
}

/** The algorithms themselves, where Node.js exports them. */
export function chachaCipher(): MakeSessionCipher | undefined {
  const functions = bindChacha();
  if (functions === undefined) return undefined;
  const ciphers = new ChachaCiphers(functions, new ChachaScratch(functions));
  return (key) => ciphers.take(key);
}

/** By OpenSSL's interface, which every Node.js has. */
export function aeadCipher(functions: OpensslFunctions): MakeSessionCipher {
  const scratch = new CipherScratch();
  return (key) => new OpensslSessionCipher(functions, scratch, key);
}

/** One packet sealed and opened, with others' bytes before and behind it. */
function agrees(
  make: MakeSessionCipher,
  reference: Crypto,
  { length, offset, room }: CheckedPlace,
): boolean {
  const key = new Uint8Array(KEY_BYTES).fill(length) as SymmetricKey;
  const sealedBytes = length + AEAD_TAG_BYTES;
  const sealed = [make, reference.sessionCipher].map((makeOne) => {
    const slab = nativeSlab(offset + sealedBytes + room);
    slab.bytes.fill(CHECK_FILL);
    const cipher = makeOne(key);
    cipher.seal(slab, offset, length, 1, CHECK_COUNTER_HIGH);
    return { slab, cipher };
  });
  const [ours, expected] = sealed;
  if (ours === undefined || expected === undefined) return false;
  const isSame = equalConstantTime(ours.slab.bytes, expected.slab.bytes);
  const refuses = !ours.cipher.open(expected.slab, offset, sealedBytes, 2, CHECK_COUNTER_HIGH);
  const isOpened = ours.cipher.open(ours.slab, offset, sealedBytes, 1, CHECK_COUNTER_HIGH);
  for (const { cipher } of sealed) cipher.dispose();
  const tag = offset + length;
  const isUntouched = ours.slab.bytes.every(
    (byte, i) => byte === CHECK_FILL || (i >= tag && i < tag + AEAD_TAG_BYTES),
  );
  return isSame && isOpened && refuses && isUntouched;
}
