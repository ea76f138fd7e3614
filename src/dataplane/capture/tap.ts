// What the packet path asks while somebody captures: whether a packet that was judged is one that
// he wants to see.

import type { Clock, Millis } from '../../base/clock.ts';
import { DESTINATION_OFFSET, SOURCE_OFFSET } from '../../ip/header.ts';
import { IPV6_ADDRESS_BYTES } from '../../ip/ipv6-address.ts';
import { RingWriter } from './ring.ts';

/** Which packets, and how much of each. */
export interface CaptureSpec {
  /** The first bytes of the source or of the destination. */
  readonly prefix: Uint8Array;
  /** TUNs whose packets are wanted whatever their addresses say. */
  readonly tuns: readonly number[];
  /** Bytes of each packet at the most. */
  readonly snapLength: number;
  readonly memory: SharedArrayBuffer;
}

/** Not a TUN: the packet came from a peer. */
export const NO_TUN = -1;

export class CaptureTap {
  readonly #spec: CaptureSpec;
  readonly #ring: RingWriter;
  /** From the monotonic clock to the wall's, as they stood at the start. */
  readonly #offset: number;

  constructor(spec: CaptureSpec, clock: Clock) {
    this.#spec = spec;
    this.#ring = new RingWriter(spec.memory);
    this.#offset = clock.wallNow() - clock.now();
  }

  /** `tun` is where the packet came from, `verdictTun` where it goes, each NO_TUN for none. */
  note(
    tun: number,
    verdictTun: number,
    isPassed: boolean,
    rule: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: Millis,
  ): void {
    const { snapLength, tuns } = this.#spec;
    const isWanted =
      this.#has(bytes, offset + SOURCE_OFFSET, offset + length) ||
      this.#has(bytes, offset + DESTINATION_OFFSET, offset + length) ||
      tuns.includes(tun) ||
      tuns.includes(verdictTun);
    if (!isWanted) return;
    const captured = Math.min(length, snapLength);
    const time = now + this.#offset;
    this.#ring.write(time, tun === NO_TUN, isPassed, rule, bytes, offset, length, captured);
  }

  #has(bytes: Uint8Array, offset: number, end: number): boolean {
    const { prefix } = this.#spec;
    if (offset + IPV6_ADDRESS_BYTES > end) return false;
    for (let i = 0; i < prefix.length; i++) {
      if (bytes[offset + i] !== prefix[i]) return false;
    }
    return true;
  }
}
