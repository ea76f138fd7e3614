// One feed of events for all who wait for something. On a host that is no server a feed is a
// connection through the mesh, of which the host has few: whoever waits takes none for himself.

import { P6nError } from '../base/errors.ts';
import type { Principal } from '../registry/authority.ts';
import type { EventView } from './contract/events.ts';
import type { RegistryService } from './services.ts';

interface Waiter {
  readonly concerns: (event: EventView) => boolean;
  /** Something has happened since the waiter was last told. */
  isDue: boolean;
  /** What has ended the feed. */
  failure: unknown;
  wake: () => void;
}

export class SharedEvents {
  readonly #registry: Pick<RegistryService, 'events'>;
  readonly #waiters = new Set<Waiter>();
  /** Of the feed that runs, which it ends. */
  #feed: AbortController | undefined;
  #hasBegun = false;

  constructor(registry: Pick<RegistryService, 'events'>) {
    this.#registry = registry;
  }

  /**
   * Yields when the feed has begun, so that what is seen after it cannot be missed, and after
   * events that concern the caller, several as one; ends with the signal. Throws what the feed
   * ended with.
   */
  async *follow(
    principal: Principal,
    concerns: Waiter['concerns'],
    signal: AbortSignal,
  ): AsyncGenerator<void> {
    const waiter: Waiter = {
      concerns,
      isDue: this.#hasBegun,
      failure: undefined,
      wake: () => undefined,
    };
    const wake = (): void => waiter.wake();
    signal.addEventListener('abort', wake);
    this.#waiters.add(waiter);
    if (this.#feed === undefined) void this.#run(principal);
    try {
      while (!signal.aborted) {
        if (waiter.failure !== undefined) throw waiter.failure;
        if (waiter.isDue) {
          waiter.isDue = false;
          yield;
          continue;
        }
        await new Promise<void>((resolve) => {
          waiter.wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener('abort', wake);
      this.#waiters.delete(waiter);
      if (this.#waiters.size === 0) this.#end();
    }
  }

  async #run(principal: Principal): Promise<void> {
    const feed = new AbortController();
    this.#feed = feed;
    let failure: unknown = new P6nError('REGISTRY_UNAVAILABLE', 'Cannot go on: the feed ended');
    try {
      for await (const event of this.#registry.events(principal, undefined, feed.signal)) {
        if (this.#feed !== feed) return;
        const isFirst = !this.#hasBegun;
        this.#hasBegun = true;
        for (const waiter of this.#waiters) {
          if (!isFirst && !waiter.concerns(event)) continue;
          waiter.isDue = true;
          waiter.wake();
        }
      }
    } catch (error) {
      failure = error;
    }
    if (this.#feed !== feed) return;
    this.#end();
    for (const waiter of this.#waiters) {
      waiter.failure = failure;
      waiter.wake();
    }
  }

  #end(): void {
    this.#feed?.abort();
    this.#feed = undefined;
    this.#hasBegun = false;
  }
}
