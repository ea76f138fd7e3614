// Packets that wait for a handshake: a few for each peer, and no more memory than one limit for all
// of them together.

import { BoundedQueue } from '../../base/bounded-queue.ts';

/** Packets that wait for one peer; a newer one pushes out the oldest. */
export const STAGED_PACKETS_MAX = 128;
/** Bytes that wait for all peers of a device, with STAGED_OVERHEAD_BYTES for each packet. */
export const STAGED_BYTES_MAX: number = 16 * 2 ** 20;
const STAGED_OVERHEAD_BYTES = 128;

/** The bytes that a device's queues may use together. */
export class StagingBudget {
  #used = 0;

  /** False when `bytes` more would be too many. */
  take(bytes: number): boolean {
    if (this.#used + bytes > STAGED_BYTES_MAX) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }

  get used(): number {
    return this.#used;
  }
}

/** What became of a packet that was to be staged. */
export const StageOutcome = { Staged: 0, StagedForOldest: 1, NoMemory: 2 } as const;
export type StageOutcome = (typeof StageOutcome)[keyof typeof StageOutcome];

/** The queue of one peer. */
export class Staging {
  readonly #budget: StagingBudget;
  /** Made when the first packet waits, let go when the last one leaves: most peers have none. */
  #queue: BoundedQueue<Uint8Array> | undefined;

  constructor(budget: StagingBudget) {
    this.#budget = budget;
  }

  get length(): number {
    return this.#queue?.length ?? 0;
  }

  /** Copies the packet at `offset` to the end of the queue. */
  push(bytes: Uint8Array, offset: number, length: number): StageOutcome {
    if (!this.#budget.take(cost(length))) return StageOutcome.NoMemory;
    this.#queue ??= new BoundedQueue(STAGED_PACKETS_MAX);
    const oldest = this.#queue.push(bytes.slice(offset, offset + length));
    if (oldest === undefined) return StageOutcome.Staged;
    this.#budget.give(cost(oldest.length));
    return StageOutcome.StagedForOldest;
  }

  /** Removes and returns the oldest packet. */
  shift(): Uint8Array | undefined {
    const packet = this.#queue?.shift();
    if (packet !== undefined) this.#budget.give(cost(packet.length));
    if (this.#queue?.length === 0) this.#queue = undefined;
    return packet;
  }

  /** Drops all packets; returns how many. */
  clear(): number {
    const dropped = this.length;
    while (this.shift() !== undefined);
    return dropped;
  }
}

function cost(length: number): number {
  return length + STAGED_OVERHEAD_BYTES;
}
