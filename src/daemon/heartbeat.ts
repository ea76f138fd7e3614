// Tells a server again and again that this host is there, and for which next keys of other hosts
// its data plane is ready.

import type { Heartbeat as HeartbeatBody } from '../api/contract/hosts.ts';
import type { Logger } from '../base/logger.ts';

/** A server takes a host for gone after three that are missed, and some. */
const INTERVAL_MS = 3_000;

export interface HeartbeatDependencies {
  readonly beat: (body: HeartbeatBody) => Promise<void>;
  /** The next keys that this host knows of. */
  readonly nextKeys: () => readonly string[];
  /** Resolves with whether the data plane has what is known at the moment of the call. */
  readonly applied: () => Promise<boolean>;
  readonly logger: Logger;
}

export class Heartbeat {
  readonly #dependencies: HeartbeatDependencies;
  #acknowledged: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #busy = false;
  #due = false;
  #stopped = false;

  constructor(dependencies: HeartbeatDependencies) {
    this.#dependencies = dependencies;
  }

  /** Beats now, and from then on. */
  start(): void {
    void this.#beat();
  }

  /** What is known has changed: whoever waits for a word of this host gets it at once. */
  look(): void {
    const next = this.#dependencies.nextKeys();
    if (next.join() === this.#acknowledged.join()) return;
    if (this.#busy) this.#due = true;
    else void this.#beat();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #beat(): Promise<void> {
    if (this.#stopped) return;
    const { beat, nextKeys, applied, logger } = this.#dependencies;
    clearTimeout(this.#timer);
    this.#busy = true;
    this.#due = false;
    try {
      const next = nextKeys();
      const isNew = next.some((key) => !this.#acknowledged.includes(key));
      if (!isNew || (await applied())) this.#acknowledged = next;
      await beat({ acknowledged: this.#acknowledged });
    } catch (error) {
      logger.debug('no server hears of this host', { error: String(error) });
    }
    this.#busy = false;
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#beat(), this.#due ? 0 : INTERVAL_MS);
    this.#timer.unref();
  }
}
