// A set of numbers of WireGuard peers of one network, as bits: number n is bit n % 8 of byte n / 8.
// Its text is the base64 of these bytes up to the last that has a bit, so equal sets have equal
// texts, and a network's whole set is 8 KiB at the most.

import { assert } from '../base/assert.ts';
import { fromBase64, toBase64 } from '../base/bytes.ts';
import { isPeerNumber, WIREGUARD_PEER_MAX } from './layout.ts';

const BYTES_MAX: number = (WIREGUARD_PEER_MAX + 1) / 8;
/** Of the longest text. */
export const PEER_NUMBERS_LENGTH_MAX: number = Math.ceil(BYTES_MAX / 3) * 4;

export class PeerNumbers {
  /** Canonical: the last byte is not zero. Never changed. */
  readonly #bytes: Uint8Array;

  private constructor(bytes: Uint8Array) {
    const length = bytes.findLastIndex((byte) => byte !== 0) + 1;
    this.#bytes = bytes.subarray(0, length);
  }

  static readonly NONE: PeerNumbers = new PeerNumbers(new Uint8Array());

  /** Undefined for what is not the text of a set. */
  static parse(text: string): PeerNumbers | undefined {
    if (text.length > PEER_NUMBERS_LENGTH_MAX) return undefined;
    const bytes = fromBase64(text);
    if (bytes === undefined || bytes.length > BYTES_MAX || bytes.at(-1) === 0) return undefined;
    // Nobody has number 0.
    if (((bytes[0] ?? 0) & 1) !== 0) return undefined;
    return new PeerNumbers(bytes);
  }

  toString(): string {
    return toBase64(this.#bytes);
  }

  /** The highest number in it; 0 where it is empty. */
  get highest(): number {
    const last = this.#bytes.at(-1);
    return last === undefined ? 0 : this.#bytes.length * 8 - 1 - (Math.clz32(last) - 24);
  }

  has(number: number): boolean {
    return ((this.#bytes[number >> 3] ?? 0) & (1 << (number & 7))) !== 0;
  }

  with(number: number): PeerNumbers {
    assert(isPeerNumber(number), 'PeerNumbers.with: bad number');
    const bytes = new Uint8Array(Math.max(this.#bytes.length, (number >> 3) + 1));
    bytes.set(this.#bytes);
    bytes[number >> 3] = (bytes[number >> 3] as number) | (1 << (number & 7));
    return new PeerNumbers(bytes);
  }

  union(other: PeerNumbers): PeerNumbers {
    const bytes = new Uint8Array(Math.max(this.#bytes.length, other.#bytes.length));
    bytes.set(this.#bytes);
    for (const [i, byte] of other.#bytes.entries()) bytes[i] = (bytes[i] as number) | byte;
    return new PeerNumbers(bytes);
  }

  /** Whether every number of `other` is in it. */
  includes(other: PeerNumbers): boolean {
    return other.#bytes.every((byte, i) => (byte & ~(this.#bytes[i] ?? 0)) === 0);
  }
}
