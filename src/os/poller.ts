// Waiting for many descriptors at once, as a port of the packet loop.

export interface Poller {
  /** Tokens of what is ready after wait(); as many as wait() returned. */
  readonly ready: Uint32Array;
  /** Watches `descriptor` for reading; `token` (32 bits) names it in `ready`. */
  add(descriptor: number, token: number): void;
  /** Stops watching; called before the descriptor is closed. */
  remove(descriptor: number): void;
  /**
   * Blocks the thread until something is ready or `timeoutMs` (rounded up, 0 for none) have passed;
   * returns how many are ready, at most `ready.length`. What is not read is ready again at the next
   * call. Errors on a descriptor make it ready too.
   */
  wait(timeoutMs: number): number;
  close(): void;
}
