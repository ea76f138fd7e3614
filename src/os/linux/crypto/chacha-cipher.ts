// ChaCha20-Poly1305 of a session (RFC 8439, section 2.8) from the two algorithms themselves, as the
// OpenSSL inside Node.js carries them. Its AEAD interface does the same with a third more time for
// a full packet and twice as much for a small one: what it looks up and checks for each packet is
// known here.
//
//   what is fed to Poly1305:  | sealed packet | zeros to a multiple of 16 | 0 | length |
//
// All of it stands in one piece when the zeros and lengths are written behind the packet, over the
// tag and what follows it, which is put back. To seal, the block that makes Poly1305's key is drawn
// with the packet's own stream, over the 64 bytes before the packet, which are put back too.

import { assert } from '../../../base/assert.ts';
import type { Slab } from '../../../base/slab.ts';
import {
  AEAD_TAG_BYTES,
  type SessionCipher,
  type SymmetricKey,
} from '../../../wireguard/crypto/crypto.ts';
import { addressOf } from '../ffi.ts';
import { lastingMemory } from '../low-memory.ts';
import type { ChachaFunctions } from './openssl-functions.ts';

const BLOCK_BYTES = 64;
const POLY_BYTES = 16;
const WORD_BYTES = 4;
const WORDS_OF_BLOCK = BLOCK_BYTES / WORD_BYTES;
/** ChaCha20's counter and nonce: block number, 0, counter of the packet. */
const COUNTER_BYTES = 16;
const COUNTER_LOW_OFFSET = 8;
const COUNTER_HIGH_OFFSET = 12;
/** Behind the zeros: 64 bits of nothing, 64 bits of the packet's length. */
const LENGTH_OFFSET = 8;

// One piece of memory for all that is neither in the slab nor a key.
const BLOCK_OFFSET = 0;
const TAIL_OFFSET: number = BLOCK_OFFSET + BLOCK_BYTES;
const COUNTER_OFFSET: number = TAIL_OFFSET + 2 * POLY_BYTES;
const TAG_OFFSET: number = COUNTER_OFFSET + COUNTER_BYTES;
const POLY_OFFSET: number = TAG_OFFSET + AEAD_TAG_BYTES;

/** Memory that all ciphers of a thread use, each for the time of one call. */
export class ChachaScratch {
  readonly blockAddress: number;
  readonly tailAddress: number;
  readonly counterAddress: number;
  readonly tagAddress: number;
  readonly polyAddress: number;
  readonly blockView: DataView;
  readonly counterView: DataView;
  readonly tagView: DataView;
  readonly tail: Buffer;
  readonly lent: Int32Array = new Int32Array(WORDS_OF_BLOCK);
  readonly #memory: Buffer;

  constructor({ polyBytes }: ChachaFunctions) {
    const memory = lastingMemory(POLY_OFFSET + polyBytes());
    const address = addressOf(memory);
    const view = (offset: number, length: number): DataView =>
      new DataView(memory.buffer, memory.byteOffset + offset, length);
    this.#memory = memory;
    this.blockAddress = address + BLOCK_OFFSET;
    this.tailAddress = address + TAIL_OFFSET;
    this.counterAddress = address + COUNTER_OFFSET;
    this.tagAddress = address + TAG_OFFSET;
    this.polyAddress = address + POLY_OFFSET;
    this.blockView = view(BLOCK_OFFSET, BLOCK_BYTES);
    this.counterView = view(COUNTER_OFFSET, COUNTER_BYTES);
    this.tagView = view(TAG_OFFSET, AEAD_TAG_BYTES);
    this.tail = memory.subarray(TAIL_OFFSET, TAIL_OFFSET + 2 * POLY_BYTES);
  }

  /** Zeroes it all: it may be of one whose key is wiped. */
  wipe(): void {
    this.#memory.fill(0);
  }
}

export interface ChachaKey {
  /** Native memory of KEY_BYTES, zero without a key. */
  readonly bytes: Uint8Array;
  readonly address: number;
  /** The cipher waits for another key. */
  readonly disposed: (cipher: ChachaSessionCipher) => unknown;
}

export class ChachaSessionCipher implements SessionCipher {
  readonly #functions: ChachaFunctions;
  readonly #scratch: ChachaScratch;
  readonly #key: ChachaKey;
  readonly #keyAddress: number;
  #hasKey = false;

  constructor(functions: ChachaFunctions, scratch: ChachaScratch, key: ChachaKey) {
    this.#functions = functions;
    this.#scratch = scratch;
    this.#key = key;
    this.#keyAddress = key.address;
  }

  begin(key: SymmetricKey): void {
    this.#key.bytes.set(key);
    this.#hasKey = true;
  }

  seal(slab: Slab, offset: number, length: number, counterLow: number, counterHigh: number): void {
    this.#require(slab, offset, length + AEAD_TAG_BYTES);
    const { chacha20, polyInit } = this.#functions;
    const { counterAddress, polyAddress } = this.#scratch;
    const keyAddress = this.#keyAddress;
    const address = slab.address + offset;
    this.#setCounter(0, counterLow, counterHigh);
    if (offset >= BLOCK_BYTES) {
      const start = address - BLOCK_BYTES;
      this.#lend(slab.view, offset - BLOCK_BYTES);
      chacha20(start, start, BLOCK_BYTES + length, keyAddress, counterAddress);
      polyInit(polyAddress, start);
      this.#putBack(slab.view, offset - BLOCK_BYTES);
    } else {
      this.#drawPolyKey();
      this.#setCounter(1, counterLow, counterHigh);
      chacha20(address, address, length, keyAddress, counterAddress);
    }
    this.#authenticate(slab, offset, length, address + length);
  }

  open(
    slab: Slab,
    offset: number,
    length: number,
    counterLow: number,
    counterHigh: number,
  ): boolean {
    this.#require(slab, offset, length);
    const plainLength = length - AEAD_TAG_BYTES;
    if (plainLength < 0) return false;
    const { tagView, tagAddress, counterAddress } = this.#scratch;
    const { view } = slab;
    const tag = offset + plainLength;
    const a = view.getInt32(tag, true);
    const b = view.getInt32(tag + 4, true);
    const c = view.getInt32(tag + 8, true);
    const d = view.getInt32(tag + 12, true);
    this.#setCounter(0, counterLow, counterHigh);
    this.#drawPolyKey();
    this.#authenticate(slab, offset, plainLength, tagAddress);
    // All words are looked at, whichever differs.
    const difference =
      (tagView.getInt32(0, true) ^ a) |
      (tagView.getInt32(4, true) ^ b) |
      (tagView.getInt32(8, true) ^ c) |
      (tagView.getInt32(12, true) ^ d);
    if (difference !== 0) return false;
    this.#setCounter(1, counterLow, counterHigh);
    const address = slab.address + offset;
    this.#functions.chacha20(address, address, plainLength, this.#keyAddress, counterAddress);
    return true;
  }

  dispose(): void {
    if (!this.#hasKey) return;
    this.#hasKey = false;
    this.#key.bytes.fill(0);
    this.#scratch.wipe();
    this.#key.disposed(this);
  }

  #setCounter(block: number, low: number, high: number): void {
    const { counterView } = this.#scratch;
    counterView.setUint32(0, block, true);
    counterView.setUint32(COUNTER_LOW_OFFSET, low, true);
    counterView.setUint32(COUNTER_HIGH_OFFSET, high, true);
  }

  /** Begins Poly1305 with the key of the packet whose counter is set. */
  #drawPolyKey(): void {
    const { blockView, blockAddress, counterAddress, polyAddress } = this.#scratch;
    const keyAddress = this.#keyAddress;
    // For less time than a call of fill().
    for (let at = 0; at < BLOCK_BYTES; at += 4 * WORD_BYTES) writeZeros(blockView, at);
    this.#functions.chacha20(blockAddress, blockAddress, BLOCK_BYTES, keyAddress, counterAddress);
    this.#functions.polyInit(polyAddress, blockAddress);
  }

  /** Writes the tag of `length` sealed bytes to `target`. */
  #authenticate(slab: Slab, offset: number, length: number, target: number): void {
    const { view, address } = slab;
    const { polyUpdate, polyFinal } = this.#functions;
    const { polyAddress, tail, tailAddress } = this.#scratch;
    const end = offset + length;
    const padding = -length & (POLY_BYTES - 1);
    const behind = end + AEAD_TAG_BYTES;
    if (padding === 0) {
      writeLength(view, end, length);
      polyUpdate(polyAddress, address + offset, length + POLY_BYTES);
      polyFinal(polyAddress, target);
    } else if (behind + POLY_BYTES <= view.byteLength) {
      const a = view.getInt32(behind, true);
      const b = view.getInt32(behind + 4, true);
      const c = view.getInt32(behind + 8, true);
      const d = view.getInt32(behind + 12, true);
      writeZeros(view, end);
      writeLength(view, end + padding, length);
      polyUpdate(polyAddress, address + offset, length + padding + POLY_BYTES);
      polyFinal(polyAddress, target);
      view.setInt32(behind, a, true);
      view.setInt32(behind + 4, b, true);
      view.setInt32(behind + 8, c, true);
      view.setInt32(behind + 12, d, true);
    } else {
      polyUpdate(polyAddress, address + offset, length);
      tail.fill(0);
      tail.writeUInt32LE(length, padding + LENGTH_OFFSET);
      polyUpdate(polyAddress, tailAddress, padding + POLY_BYTES);
      polyFinal(polyAddress, target);
    }
  }

  /** Remembers and zeroes a block. */
  #lend(view: DataView, at: number): void {
    const { lent } = this.#scratch;
    for (let i = 0; i < WORDS_OF_BLOCK; i++) {
      lent[i] = view.getInt32(at + i * WORD_BYTES, true);
      view.setInt32(at + i * WORD_BYTES, 0, true);
    }
  }

  #putBack(view: DataView, at: number): void {
    const { lent } = this.#scratch;
    for (let i = 0; i < WORDS_OF_BLOCK; i++) {
      view.setInt32(at + i * WORD_BYTES, lent[i]!, true);
    }
  }

  /** A wrong place in native memory would overwrite somebody else's. */
  #require(slab: Slab, offset: number, length: number): void {
    const fits = offset >= 0 && offset + length <= slab.bytes.length;
    assert(this.#hasKey && slab.address !== 0 && fits, 'ChachaSessionCipher: bad use');
  }
}

function writeZeros(view: DataView, at: number): void {
  view.setInt32(at, 0, true);
  view.setInt32(at + 4, 0, true);
  view.setInt32(at + 8, 0, true);
  view.setInt32(at + 12, 0, true);
}

function writeLength(view: DataView, at: number, length: number): void {
  view.setInt32(at, 0, true);
  view.setInt32(at + 4, 0, true);
  view.setInt32(at + LENGTH_OFFSET, length, true);
  view.setInt32(at + LENGTH_OFFSET + 4, 0, true);
}
