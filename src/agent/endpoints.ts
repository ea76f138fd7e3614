// Where other hosts are reached, from what they tell of themselves: `HOST:PORT`, `[IPV6]:PORT`. A
// host name is resolved in the background and again from time to time; what was known goes on until
// something else is known.

import { isSiteAddress } from '../addressing/layout.ts';
import { Backoff } from '../base/backoff.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { EndpointAddress } from '../device/config.ts';
import { isAddressText, parseHostPort } from '../ip/host-port.ts';
import type { EndpointResolver, Timers } from './ports.ts';

/** How long an address of a name is used before it is asked for again. */
export const REFRESH_MS = 300_000;
const RETRY = { minMs: 1000, maxMs: 60_000 } as const;

interface Entry {
  address: string | undefined;
  readonly backoff: Backoff;
  cancel: () => void;
}

export interface EndpointBookDependencies {
  readonly resolver: EndpointResolver;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  /** A name has an address that it had not before. */
  readonly onChange: () => void;
}

export class EndpointBook {
  readonly #dependencies: EndpointBookDependencies;
  readonly #entries = new Map<string, Entry>();

  constructor(dependencies: EndpointBookDependencies) {
    this.#dependencies = dependencies;
  }

  /** The first of `endpoints`, best first, whose address is known. */
  lookup(endpoints: readonly string[]): EndpointAddress | undefined {
    for (const text of endpoints) {
      const endpoint = parseHostPort(text);
      if (endpoint === undefined) continue;
      const address = isAddressText(endpoint.host)
        ? endpoint.host
        : this.#entries.get(endpoint.host)?.address;
      if (address !== undefined && isOutside(address)) return { address, port: endpoint.port };
    }
    return undefined;
  }

  /** Resolves exactly these names from now on. */
  setNames(names: ReadonlySet<string>): void {
    for (const [name, entry] of this.#entries) {
      if (names.has(name)) continue;
      entry.cancel();
      this.#entries.delete(name);
    }
    for (const name of names) {
      if (this.#entries.has(name)) continue;
      const backoff = new Backoff(this.#dependencies.random, RETRY);
      const entry: Entry = { address: undefined, backoff, cancel: () => undefined };
      this.#entries.set(name, entry);
      void this.#resolve(name, entry);
    }
  }

  close(): void {
    this.setNames(new Set());
  }

  async #resolve(name: string, entry: Entry): Promise<void> {
    const { resolver, timers, logger, onChange } = this.#dependencies;
    let delayMs = REFRESH_MS;
    let changed = false;
    try {
      const addresses = (await resolver.resolve(name)).filter(isOutside);
      entry.backoff.reset();
      // A host with several addresses does not move from one to the next with each answer.
      const kept = entry.address !== undefined && addresses.includes(entry.address);
      if (!kept && addresses[0] !== undefined) {
        entry.address = addresses[0];
        changed = true;
      }
    } catch (error) {
      delayMs = entry.backoff.next();
      logger.debug('endpoint is not resolved', { name, error: String(error) });
    }
    if (this.#entries.get(name) !== entry) return;
    entry.cancel = timers.after(delayMs, () => void this.#resolve(name, entry));
    if (changed) onChange();
  }
}

/**
 * Whether a datagram to `address` leaves this host. A host may tell of itself, or its name may
 * stand for, an address inside the mesh: a tunnel to it would carry itself, round and round. A zone
 * means nothing here.
 */
function isOutside(address: string): boolean {
  return !address.includes('%') && !isSiteAddress(address);
}
