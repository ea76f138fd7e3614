// Time as an argument: pure code takes `now`, and only the code at the edges holds a Clock.

declare const millisBrand: unique symbol;
/** Milliseconds on the monotonic clock, with fractions; only differences have a meaning. */
export type Millis = number & { readonly [millisBrand]: true };

declare const wallMillisBrand: unique symbol;
/** Milliseconds since 1970-01-01T00:00:00Z on the wall clock, which may jump. */
export type WallMillis = number & { readonly [wallMillisBrand]: true };

/** A deadline that never comes. */
export const NEVER: Millis = Number.POSITIVE_INFINITY as Millis;

export interface Clock {
  /** Monotonic time that goes on during suspend (CLOCK_BOOTTIME). */
  now(): Millis;
  wallNow(): WallMillis;
}

/** The moment `ms` milliseconds after `start`. */
export function after(start: Millis, ms: number): Millis {
  return (start + ms) as Millis;
}
