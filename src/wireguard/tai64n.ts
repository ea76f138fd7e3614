// TAI64N timestamps (https://cr.yp.to/libtai/tai64.html) as WireGuard uses them: 8 bytes of seconds
// and 4 of nanoseconds, big-endian, so that later times compare greater byte by byte. They only
// have to grow, so leap seconds are left out, and nanoseconds are rounded down to keep the clock
// from being a side channel.

import type { WallMillis } from '../base/clock.ts';

export const TAI64N_BYTES = 12;

/** The label's offset of 2^62, upper half, and TAI's 10 seconds of 1970. */
const SECONDS_BASE_HIGH = 0x4000_0000;
const SECONDS_BASE_LOW = 10;
/** Nanoseconds in one step: 16.8 ms. */
const STEP_NS = 2 ** 24;
const SECOND_NS = 1_000_000_000;

/**
 * The timestamp of `wallNow`, or the least later one than `last` where the clock has not moved on
 * since: a peer takes no timestamp twice, and a clock set back must not lock us out.
 */
export function nextTai64n(wallNow: WallMillis, last: Uint8Array | undefined): Uint8Array {
  const timestamp = tai64n(wallNow);
  if (last === undefined || compareTai64n(timestamp, last) > 0) return timestamp;
  return successor(last);
}

/** The timestamp of `wallNow`. */
export function tai64n(wallNow: WallMillis): Uint8Array {
  const seconds = Math.floor(wallNow / 1000);
  const nanoseconds = Math.floor((wallNow - seconds * 1000) * 1e6);
  return encode(seconds + SECONDS_BASE_LOW, nanoseconds - (nanoseconds % STEP_NS));
}

/** Negative, zero or positive as `a` is earlier than, equal to or later than `b`. */
export function compareTai64n(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < TAI64N_BYTES; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return 0;
}

function successor(timestamp: Uint8Array): Uint8Array {
  const view = new DataView(timestamp.buffer, timestamp.byteOffset);
  const seconds = (view.getUint32(0) - SECONDS_BASE_HIGH) * 2 ** 32 + view.getUint32(4);
  const nanoseconds = view.getUint32(8) + STEP_NS;
  return nanoseconds < SECOND_NS ? encode(seconds, nanoseconds) : encode(seconds + 1, 0);
}

function encode(seconds: number, nanoseconds: number): Uint8Array {
  const timestamp = new Uint8Array(TAI64N_BYTES);
  const view = new DataView(timestamp.buffer);
  view.setUint32(0, SECONDS_BASE_HIGH + Math.floor(seconds / 2 ** 32));
  view.setUint32(4, seconds >>> 0);
  view.setUint32(8, nanoseconds);
  return timestamp;
}
