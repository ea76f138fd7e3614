// What stands in the registry, as followers are told it at first: the lines of all hosts, and of a
// network with its apps and instances. Read from the store when somebody needs it and kept for
// others until something in it changes, within a bound of memory.

import { decodeFollowed } from '../codec.ts';
import {
  ABSENCES,
  appsOf,
  CLOSURE,
  type FollowedScope,
  GATEWAYS,
  HOSTS,
  instancesOf,
  networkKey,
  peerRemovalsKey,
  peersOf,
  REMOVALS,
  REVOCATIONS,
  SITE_KEYS,
} from '../keys.ts';
import type { Store, StoreEntry } from '../store.ts';
import { formatEvent } from './recent-changes.ts';

/** What is kept of listings that nobody reads at the moment, bytes. */
const KEPT_BYTES_MAX = 64 * 1_048_576;
/** What a listing takes besides its lines; there are such of networks that do not exist. */
const LISTING_BYTES = 256;
/** How many are read from the store at once. */
const READS_MAX = 32;
/** After so many records somebody else has a turn. */
const RECORDS_PER_TURN = 512;

export interface Listing {
  /** The store's revision as of which it is. */
  readonly revision: number;
  /** Lines of JSON. */
  readonly lines: Uint8Array;
}

interface Held {
  readonly listing: Promise<Listing>;
  /** 0 until it is read. */
  bytes: number;
}

export class Listings {
  readonly #store: Store;
  /** The one that was used last stands last. */
  readonly #held = new Map<FollowedScope, Held>();
  readonly #waiting: (() => void)[] = [];
  #bytes = 0;
  #reads = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  /** What is kept, bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The listing of `scope` as of now or later: no change that was told to `changed` before this
   * call is missing in it. Rejects as the store does, and with REGISTRY_CORRUPT.
   */
  get(scope: FollowedScope): Promise<Listing> {
    const held = this.#held.get(scope) ?? { listing: this.#read(scope), bytes: 0 };
    if (!this.#held.delete(scope)) this.#await(scope, held);
    this.#held.set(scope, held);
    return held.listing;
  }

  /** Something in `scope` has changed: what is under way is for those who asked before. */
  changed(scope: FollowedScope): void {
    this.#bytes -= this.#held.get(scope)?.bytes ?? 0;
    this.#held.delete(scope);
  }

  #await(scope: FollowedScope, held: Held): void {
    held.listing.then(
      ({ lines }) => {
        if (this.#held.get(scope) !== held) return;
        held.bytes = LISTING_BYTES + lines.byteLength;
        this.#bytes += held.bytes;
        this.#evict();
      },
      () => {
        if (this.#held.get(scope) === held) this.#held.delete(scope);
      },
    );
  }

  #evict(): void {
    for (const [scope, { bytes }] of this.#held) {
      if (this.#bytes <= KEPT_BYTES_MAX) return;
      if (bytes > 0) this.changed(scope);
    }
  }

  async #read(scope: FollowedScope): Promise<Listing> {
    if (this.#reads < READS_MAX) this.#reads += 1;
    else {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    try {
      const { revision, entries } = await this.#store.list(prefixesOf(scope));
      return { revision, lines: await format(entries) };
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#reads -= 1;
      else next();
    }
  }
}

function prefixesOf(scope: FollowedScope): readonly string[] {
  if (scope === 'hosts') {
    return [SITE_KEYS, HOSTS, REMOVALS, ABSENCES, REVOCATIONS, CLOSURE, GATEWAYS];
  }
  const ofPeers = [peersOf(scope), peerRemovalsKey(scope)];
  return [networkKey(scope), appsOf(scope), instancesOf(scope), ...ofPeers];
}

async function format(entries: readonly StoreEntry[]): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for (let start = 0; start < entries.length; start += RECORDS_PER_TURN) {
    if (start > 0) await new Promise(setImmediate);
    const lines = entries
      .slice(start, start + RECORDS_PER_TURN)
      .map((entry) => formatEvent({ type: 'put', key: entry.key, record: decodeFollowed(entry) }));
    parts.push(Buffer.from(lines.join('')));
  }
  return Buffer.concat(parts);
}
