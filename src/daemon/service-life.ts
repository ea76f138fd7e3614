// p6nd and the service manager that runs it, by the protocol of sd_notify(3): ready when all parts
// run, alive as long as main thread and data plane answer, stopping before anything is stopped.

import type { Logger } from '../base/logger.ts';
import type { ServiceEnvironment } from './config.ts';

export interface ServiceLifeDependencies {
  readonly send: (socket: string, text: string) => boolean;
  readonly logger: Logger;
}

export class ServiceLife {
  readonly #dependencies: ServiceLifeDependencies;
  readonly #environment: ServiceEnvironment;
  #watchdog: NodeJS.Timeout | undefined;
  #isReady = false;

  constructor(dependencies: ServiceLifeDependencies, environment: ServiceEnvironment) {
    this.#dependencies = dependencies;
    this.#environment = environment;
  }

  /** Everything runs. From now on `check` proves it, as often as the service manager wants. */
  ready(check: () => Promise<unknown>): void {
    this.#isReady = true;
    this.#tell('READY=1');
    const { notifySocket, watchdogMs } = this.#environment;
    if (notifySocket === undefined || watchdogMs === undefined) return;
    let isChecking = false;
    // Twice as often as needed, as sd_watchdog_enabled(3) advises.
    this.#watchdog = setInterval(() => {
      if (isChecking) return;
      isChecking = true;
      check().then(
        () => {
          isChecking = false;
          this.#tell('WATCHDOG=1');
        },
        () => {
          isChecking = false;
        },
      );
    }, watchdogMs / 2);
    this.#watchdog.unref();
  }

  /** Runs `reload` between what systemd wants to hear of it; before ready() it is nothing new. */
  async reloading(reload: () => Promise<void>): Promise<void> {
    if (!this.#isReady) return await reload();
    const monotonicUsec = process.hrtime.bigint() / 1000n;
    this.#tell(`RELOADING=1\nMONOTONIC_USEC=${monotonicUsec}`);
    await reload();
    this.#tell('READY=1');
  }

  stopping(): void {
    clearInterval(this.#watchdog);
    this.#tell('STOPPING=1');
  }

  #tell(text: string): void {
    const { notifySocket } = this.#environment;
    if (notifySocket === undefined) return;
    const { send, logger } = this.#dependencies;
    if (!send(notifySocket, text)) logger.warn('service manager not told', { state: text });
  }
}
