// Where other hosts are reached, from what they tell of themselves: `HOST:PORT`, `[IPV6]:PORT`. A
// host name is resolved in the background and again from time to time; what was known goes on until
// something else is known.

import { isSiteAddress } from '../addressing/layout.ts';
import { Backoff } from '../base/backoff.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { EndpointAddress } from '../device/config.ts';
import { formatHostPort, isAddressText, parseHostPort } from '../ip/host-port.ts';
import type { EndpointResolver, Timers } from './ports.ts';

/** A host is tried at so many places at most. */
export const PLACES_MAX = 8;
/** How long an address of a name is used before it is asked for again. */
export const REFRESH_MS = 300_000;
const RETRY = { minMs: 1000, maxMs: 60_000 } as const;

interface Entry {
  addresses: readonly string[];
  isAsked: boolean;
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

  /** Where `endpoints` lead as far as is known, best first and none twice. */
  lookup(endpoints: readonly string[]): readonly EndpointAddress[] {
    const places = new Map<string, EndpointAddress>();
    for (const text of endpoints) {
      const endpoint = parseHostPort(text);
      if (endpoint === undefined) continue;
      const { host, port } = endpoint;
      const addresses = isAddressText(host) ? [host] : (this.#entries.get(host)?.addresses ?? []);
      for (const address of addresses.filter(isOutside)) {
        if (places.size < PLACES_MAX)
          places.set(formatHostPort({ host: address, port }), { address, port });
      }
    }
    return [...places.values()];
  }

  /** Asks at once for what the names among `endpoints` stand for: nobody was found there. */
  resolveAgain(endpoints: readonly string[]): void {
    for (const text of endpoints) {
      const name = parseHostPort(text)?.host ?? '';
      const entry = this.#entries.get(name);
      if (entry === undefined || entry.isAsked) continue;
      entry.cancel();
      void this.#resolve(name, entry);
    }
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
      const entry: Entry = { addresses: [], isAsked: false, backoff, cancel: () => undefined };
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
    entry.isAsked = true;
    let changed = false;
    try {
      const addresses = (await resolver.resolve(name)).filter(isOutside);
      entry.backoff.reset();
      // A host with several addresses does not move from one to the next with each answer.
      const kept = entry.addresses.filter((address) => addresses.includes(address));
      const next = [...kept, ...addresses.filter((address) => !kept.includes(address))];
      changed = next.length > 0 && next.join() !== entry.addresses.join();
      if (changed) entry.addresses = next;
    } catch (error) {
      delayMs = entry.backoff.next();
      logger.debug('endpoint is not resolved', { name, error: String(error) });
    }
    entry.isAsked = false;
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
