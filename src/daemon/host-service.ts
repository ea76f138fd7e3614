// What p6nctl does with this host as a whole.

import type { InstanceOperations } from '../agent/ports.ts';
import type { HostService } from '../api/services.ts';

export interface HostServiceDependencies {
  readonly instances: Pick<InstanceOperations, 'list' | 'stop'>;
  /** Ends p6nd, and then what a reset ends besides. */
  readonly end: () => void;
}

export class LocalHostService implements HostService {
  readonly #dependencies: HostServiceDependencies;

  constructor(dependencies: HostServiceDependencies) {
    this.#dependencies = dependencies;
  }

  async reset(): Promise<void> {
    const { instances, end } = this.#dependencies;
    const started = instances.list().filter(({ instance }) => instance.state === 'started');
    await Promise.all(started.map(({ instance }) => instances.stop(instance.machineId)));
    // The answer is on its way before the socket closes.
    setImmediate(end);
  }
}
