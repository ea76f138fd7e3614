// The data plane's handle as the agent has it, which remembers what was asked for last: explain
// judges by it.

import type { DataplaneHandle } from '../agent/ports.ts';
import type { DataplaneConfig } from '../dataplane/config.ts';
import type { FilterConfig } from '../filter/config.ts';

export class AppliedConfig implements DataplaneHandle {
  readonly #handle: DataplaneHandle;
  #config: DataplaneConfig;

  constructor(handle: DataplaneHandle, config: DataplaneConfig) {
    this.#handle = handle;
    this.#config = config;
  }

  /** What was asked for last. */
  get config(): DataplaneConfig {
    return this.#config;
  }

  get filter(): FilterConfig {
    return this.#config.filter;
  }

  async applyConfig(config: DataplaneConfig): Promise<void> {
    this.#config = config;
    await this.#handle.applyConfig(config);
  }
}
