// Runs the checks that the instances of this host have declared, round after round, each from this
// host's presence in the instance's network. An instance is well when all its checks pass; it takes
// more than one failure in a row to be unwell, as one may be chance.

import type { MachineId } from '../addressing/ids.ts';
import { presenceAddress } from '../addressing/layout.ts';
import type { Logger } from '../base/logger.ts';
import type { Instance, InstanceCheck } from '../registry/model.ts';
import type { JournalRecord } from './journal-record.ts';
import type { Prober, Timers } from './ports.ts';
import type { Roster } from './roster.ts';

/** Between the end of a round and the next. */
export const CHECK_INTERVAL_MS = 1000;
export const CHECK_TIMEOUT_MS = 1500;
/** Instances that are being checked at the same time, each with all of its checks. */
export const CHECKED_AT_ONCE_MAX = 256;
/** Rounds without success in a row that make an instance unwell. */
export const FAILURES_MAX = 2;

export interface HealthChecksDependencies {
  readonly roster: Pick<Roster, 'journal' | 'setHealth'>;
  readonly prober: Prober;
  readonly timers: Timers;
  readonly logger: Logger;
}

export class HealthChecks {
  readonly #dependencies: HealthChecksDependencies;
  /** By machine id: how many rounds in a row have failed. */
  readonly #failures = new Map<MachineId, number>();
  #cancel: () => void = () => undefined;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(dependencies: HealthChecksDependencies) {
    this.#dependencies = dependencies;
  }

  start(): void {
    this.#running = this.#round();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#running;
  }

  async #round(): Promise<void> {
    const due = this.#dependencies.roster.journal.instances().filter(isChecked);
    this.#forgetOthers(due);
    let next = 0;
    const checkSome = async (): Promise<void> => {
      while (next < due.length && !this.#stopped) {
        await this.#check((due[next++] as JournalRecord).instance);
      }
    };
    const lanes = Math.min(due.length, CHECKED_AT_ONCE_MAX);
    await Promise.all(Array.from({ length: lanes }, checkSome));
    if (this.#stopped) return;
    this.#cancel = this.#dependencies.timers.after(CHECK_INTERVAL_MS, () => {
      this.#running = this.#round();
    });
  }

  async #check(instance: Instance): Promise<void> {
    const { roster, logger } = this.#dependencies;
    const { machineId, checks = [] } = instance;
    // One after the other, slow ones would hold up the round, and with it the health of others.
    const results = await Promise.all(checks.map((check) => this.#probe(instance, check)));
    const passes = results.every(Boolean);
    const failures = passes ? 0 : (this.#failures.get(machineId) ?? 0) + 1;
    this.#failures.set(machineId, failures);
    if (this.#stopped || (!passes && failures < FAILURES_MAX)) return;
    try {
      await roster.setHealth(machineId, passes ? 'passing' : 'failing');
    } catch (error) {
      logger.error('health of an instance is not kept', { machineId, error: String(error) });
    }
  }

  #probe(instance: Instance, check: InstanceCheck): Promise<boolean> {
    const { network, host, address, services = [] } = instance;
    const service = services.find((one) => one.name === check.service && one.protocol === 'tcp');
    if (service === undefined) return Promise.resolve(false);
    const source = presenceAddress(network, host);
    const path = check.type === 'http' ? check.path : undefined;
    const target = { address, port: service.port, source, path };
    return this.#dependencies.prober.probe(target, CHECK_TIMEOUT_MS);
  }

  /** An instance that starts again starts without a past. */
  #forgetOthers(due: readonly JournalRecord[]): void {
    const kept = new Set(due.map(({ instance }) => instance.machineId));
    for (const machineId of this.#failures.keys()) {
      if (!kept.has(machineId)) this.#failures.delete(machineId);
    }
  }
}

function isChecked({ instance, removed }: JournalRecord): boolean {
  return !removed && instance.state === 'started' && (instance.checks ?? []).length > 0;
}
