// Waking a thread that waits in a Poller, as a port.

export interface Wake {
  /** For a Poller: readable after signal() until clear(). */
  readonly descriptor: number;
  /** Callable from any thread that holds the descriptor. */
  signal(): void;
  clear(): void;
  close(): void;
}
