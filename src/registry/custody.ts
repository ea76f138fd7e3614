// The registry as a whole: which one it is, whether it takes writes, as a file and from one, and
// open again after a restore.

import type { HostId } from '../addressing/ids.ts';
import {
  accept,
  admitRestored,
  countReports,
  findClosure,
  type KnownIds,
  takeOver,
} from './closure.ts';
import { exportRegistry, importRegistry, type ParsedExport } from './export.ts';
import { type Believed, mend } from './mending.ts';
import type { Closure } from './model.ts';
import { findSite } from './site.ts';
import type { RegistryContext } from './transaction.ts';
import { sweepPeers } from './wireguard/peers.ts';
import { skipPeerNumbers, takeOverPeers } from './wireguard/takeover.ts';

export interface RegistryState {
  readonly incarnation: string;
  readonly revision: number;
  /** Why it takes no writes; undefined while it does. */
  readonly closure: Closure | undefined;
  /** How many hosts have reported what they know of a time before a restore. */
  readonly reports: number;
  readonly isEmpty: boolean;
}

/** Every method rejects as those of Registry do. */
export class Custody {
  readonly #context: RegistryContext;

  constructor(context: RegistryContext) {
    this.#context = context;
  }

  /** Which registry this is, and whether it takes writes. */
  async state(): Promise<RegistryState> {
    const { store } = this.#context;
    const { revision } = await store.list([]);
    if (store.restored !== undefined) await admitRestored(this.#context);
    const [closure, reports, site] = await Promise.all([
      findClosure(store),
      countReports(store),
      findSite(this.#context),
    ]);
    const { incarnation } = store;
    return { incarnation, revision, closure, reports, isEmpty: site === undefined };
  }

  /**
   * Takes over ids that somebody else knows; false unless the registry waits to be accepted. What
   * is proved of WireGuard peers it takes over at any time.
   */
  async takeOver(host: HostId | undefined, known: KnownIds): Promise<boolean> {
    await takeOverPeers(this.#context, known.peers ?? []);
    return await takeOver(this.#context, host, known);
  }

  /** Writes again what `believed` knows the site's key to have said and the registry has lost. */
  mend(believed: Believed): Promise<number> {
    return mend(this.#context, believed);
  }

  /** Opens a registry that takes no writes. VALUE_INVALID when it does, or is being imported. */
  async accept(): Promise<Closure> {
    await skipPeerNumbers(this.#context);
    const closure = await accept(this.#context);
    await sweepPeers(this.#context);
    return closure;
  }

  /** The whole registry as lines of text; with `close` it takes no writes from then on. */
  export(options: { readonly close: boolean }): Promise<readonly string[]> {
    return exportRegistry(this.#context, options);
  }

  /** Becomes what an export says. VALUE_INVALID unless it is empty or closed, and of its site. */
  import(parsed: ParsedExport): Promise<void> {
    return importRegistry(this.#context, parsed);
  }
}
