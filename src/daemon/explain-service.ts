// Which rule a packet would meet on this host: the filter's own judgement by the configuration that
// the data plane has, on a packet made up for the question.

import type { ExplainRequest, Explanation } from '../api/contract/explain.ts';
import type { ExplainService } from '../api/services.ts';
import type { FilterConfig } from '../filter/config.ts';
import { explain } from '../filter/explain.ts';
import type { Principal } from '../registry/authority.ts';

export class LocalExplainService implements ExplainService {
  readonly #config: () => FilterConfig;

  /** `config` is what the data plane was told last. */
  constructor(config: () => FilterConfig) {
    this.#config = config;
  }

  async explain(_: Principal, request: ExplainRequest): Promise<Explanation> {
    return await Promise.resolve(explain(this.#config(), request));
  }
}
