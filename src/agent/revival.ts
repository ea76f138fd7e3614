// Starts again what is to run always and was ended by nobody's will: the machine was stopped and
// has booted, or the supervisor was killed. A command that ends while its supervisor lives is the
// supervisor's business; the pauses are the same.

import type { MachineId } from '../addressing/ids.ts';
import type { Clock, Millis } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Instances } from './instances.ts';
import type { Journal } from './journal.ts';
import type { Timers } from './ports.ts';
import { RestartPolicy } from './supervisor/restart-policy.ts';

export interface RevivalDependencies {
  readonly journal: Pick<Journal, 'instances'>;
  readonly instances: Pick<Instances, 'startAgain'>;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Attempts {
  readonly policy: RestartPolicy;
  /** When the last one ended; undefined before the first. */
  lastAt: Millis | undefined;
  /** Takes the next one back; undefined while there is none. */
  cancel: (() => void) | undefined;
}

export class Revival {
  readonly #dependencies: RevivalDependencies;
  readonly #attempts = new Map<MachineId, Attempts>();
  #isStopped = false;

  constructor(dependencies: RevivalDependencies) {
    this.#dependencies = dependencies;
  }

  /** The journal may have changed. */
  look(): void {
    if (this.#isStopped) return;
    const known = new Set<MachineId>();
    for (const { instance, startsAgain } of this.#dependencies.journal.instances()) {
      const { machineId } = instance;
      known.add(machineId);
      if (startsAgain === true) this.#plan(machineId);
    }
    for (const [machineId, { cancel }] of this.#attempts) {
      if (known.has(machineId)) continue;
      cancel?.();
      this.#attempts.delete(machineId);
    }
  }

  /** An attempt under way goes on. */
  stop(): void {
    this.#isStopped = true;
    for (const { cancel } of this.#attempts.values()) cancel?.();
  }

  #plan(machineId: MachineId): void {
    const { clock, timers } = this.#dependencies;
    let attempts = this.#attempts.get(machineId);
    if (attempts === undefined) {
      const policy = new RestartPolicy({ when: 'always' });
      attempts = { policy, lastAt: undefined, cancel: undefined };
      this.#attempts.set(machineId, attempts);
    }
    if (attempts.cancel !== undefined) return;
    const { lastAt, policy } = attempts;
    const ranMs = lastAt === undefined ? 0 : clock.now() - lastAt;
    const delayMs = policy.next({ code: undefined, ranMs }) ?? 0;
    const attempt = attempts;
    attempts.cancel = timers.after(delayMs, () => void this.#start(machineId, attempt));
  }

  async #start(machineId: MachineId, attempts: Attempts): Promise<void> {
    const { clock, instances, logger } = this.#dependencies;
    try {
      if (await instances.startAgain(machineId)) {
        logger.info('instance is started again', { machineId });
      }
    } catch (error) {
      logger.warn('instance is not started again yet', { machineId, error: String(error) });
    }
    attempts.lastAt = clock.now();
    attempts.cancel = undefined;
    this.look();
  }
}
