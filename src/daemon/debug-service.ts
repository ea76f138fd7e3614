// What p6nd tells of itself for a debug bundle: the options in force, which name files of secrets
// and hold none, and the last of its log.

import type { DebugView } from '../api/contract/debug.ts';
import type { DebugService } from '../api/services.ts';
import type { DaemonConfig } from './config.ts';
import type { DaemonLogger } from './log.ts';

export class LocalDebugService implements DebugService {
  readonly #config: DaemonConfig;
  readonly #logger: Pick<DaemonLogger, 'recentLines'>;

  constructor(config: DaemonConfig, logger: Pick<DaemonLogger, 'recentLines'>) {
    this.#config = config;
    this.#logger = logger;
  }

  async debug(): Promise<DebugView> {
    return await Promise.resolve({ config: this.#config, log: this.#logger.recentLines() });
  }
}
