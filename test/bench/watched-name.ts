// What a host's name server answers to a question, and since when.

import type { NameQuestion } from '../../src/api/contract/names.ts';
import type { SiteHost } from '../e2e/site.ts';

/** The answers of a host's name server, and when each of them began to hold. */
export class WatchedName {
  readonly #abort = new AbortController();
  #named: boolean | undefined;
  #sinceMs = 0;
  #changed: () => void = () => undefined;

  constructor(host: SiteHost, question: NameQuestion) {
    void this.#follow(host, question);
  }

  /** Waits until the name has an address, or none; resolves with since when. */
  async until(named: boolean): Promise<number> {
    while (this.#named !== named) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
    return this.#sinceMs;
  }

  end(): void {
    this.#abort.abort();
  }

  async #follow(host: SiteHost, question: NameQuestion): Promise<void> {
    for await (const line of host.client.names.watch(question, this.#abort.signal)) {
      this.#sinceMs = monotonicMs();
      this.#named = line.answer.records.length > 0;
      this.#changed();
    }
  }
}

/** By the clock that all processes of the machine share. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
