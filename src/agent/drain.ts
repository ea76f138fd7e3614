// What a drained host does: its names are gone at once, here and elsewhere, and once nobody can
// have them in a cache any more, its instances stop. Whoever wants them elsewhere starts them
// there.

import { P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { AgentIdentity, CopySource, InstanceOperations, Timers } from './ports.ts';

/** Longer than the TTL of every answer about a name. */
export const DRAIN_DELAY_MS = 6_000;
const RETRY_MS = 5_000;

export interface DrainDependencies {
  readonly copy: Pick<CopySource, 'current'>;
  readonly identity: () => AgentIdentity;
  readonly instances: Pick<InstanceOperations, 'list' | 'stop'>;
  readonly timers: Timers;
  readonly logger: Logger;
}

type Drained = Pick<DrainDependencies, 'copy' | 'identity'>;

export class Drain {
  readonly #dependencies: DrainDependencies;
  #cancel: (() => void) | undefined;
  #busy = false;

  constructor(dependencies: DrainDependencies) {
    this.#dependencies = dependencies;
  }

  /** The copy may have changed. */
  look(): void {
    if (!isDrained(this.#dependencies)) {
      this.stop();
      return;
    }
    if (this.#busy || this.#started().length === 0) return;
    this.#cancel ??= this.#dependencies.timers.after(DRAIN_DELAY_MS, () => void this.#stopAll());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #started(): readonly string[] {
    return this.#dependencies.instances
      .list()
      .filter(({ instance }) => instance.state === 'started')
      .map(({ instance }) => instance.machineId);
  }

  async #stopAll(): Promise<void> {
    const { instances, logger, timers } = this.#dependencies;
    this.#busy = true;
    const stopped = await Promise.allSettled(
      this.#started().map((machineId) => instances.stop(machineId)),
    );
    this.#busy = false;
    this.#cancel = undefined;
    const failed = stopped.filter(({ status }) => status === 'rejected').length;
    logger.info('host is drained', { stopped: stopped.length - failed, failed });
    if (failed > 0) this.#cancel = timers.after(RETRY_MS, () => void this.#stopAll());
  }
}

/** Throws HOST_DRAINED on a drained host: what was started there would stop at once. */
export function requireUndrained(dependencies: Drained): void {
  if (!isDrained(dependencies)) return;
  throw new P6nError('HOST_DRAINED', 'Cannot start an instance: this host is drained', {
    hint: 'Start it on another host, or end it on a server: `p6nctl hosts undrain`.',
  });
}

function isDrained({ copy, identity }: Drained): boolean {
  const { hostId } = identity();
  for (const { id, drainedAt } of copy.current().hosts)
    if (id === hostId) return drainedAt !== undefined;
  return false;
}
