// What a server tells its followers, any number of them: one watch on the store for all, and a
// follower is woken only by what it asked for. Nothing is kept for a single follower but where it
// is: what it is told is made when it reads, from the last changes and from listings that all
// share. One that is too slow for the last changes begins anew.
//
//   store.watch --> RecentChanges --> followers by scope (hosts, or a network) --> their readers
//   store.list  --> Listings ---------------------------------------------------->

import type { NetworkId } from '../../addressing/ids.ts';
import type { FollowPosition } from '../model.ts';
import { CompactedError, REVISIONS_KEPT, type Store } from '../store.ts';
import { type Beginning, Following } from './following.ts';
import { Round } from './round.ts';

export interface BroadcastOptions {
  /** How many of the last revisions are kept for followers that are behind. */
  readonly revisionsMax?: number;
  /** What has to hold before a follower is told anything; rejects with what it is told instead. */
  readonly check?: () => Promise<void>;
}

export class Broadcast {
  readonly #store: Store;
  readonly #revisionsMax: number;
  readonly #check: () => Promise<void>;
  #round: Round | undefined;

  constructor(store: Store, options: BroadcastOptions = {}) {
    this.#store = store;
    this.#revisionsMax = options.revisionsMax ?? REVISIONS_KEPT;
    this.#check = options.check ?? (() => Promise.resolve());
  }

  /**
   * Chunks of lines of JSON, each line a FollowEvent: all hosts and the given networks as a whole
   * after a reset, then every change. Goes on from `after` when what followed it is known, with
   * the networks that it lacks as a whole. Ends without an error when `signal` aborts.
   */
  follow(
    networks: ReadonlySet<NetworkId>,
    after: FollowPosition | undefined,
    signal: AbortSignal,
  ): Following {
    const begin = (position?: FollowPosition): Beginning => this.#begin(networks, position, signal);
    return new Following(this.#checked(begin(after)), begin);
  }

  async *#checked(beginning: Beginning): Beginning {
    await this.#check();
    return yield* beginning;
  }

  /** What is told first; then the reader of what follows, or nothing when `signal` has aborted. */
  async *#begin(
    networks: ReadonlySet<NetworkId>,
    after: FollowPosition | undefined,
    signal: AbortSignal,
  ): Beginning {
    let position = after;
    while (!signal.aborted) {
      try {
        return yield* this.#currentRound().begin(networks, position, signal);
      } catch (error) {
        if (!(error instanceof CompactedError)) throw error;
      }
      position = undefined;
    }
    return undefined;
  }

  /** One watch serves until it breaks off; whoever comes then begins the next. */
  #currentRound(): Round {
    if (this.#round === undefined || this.#round.hasEnded) {
      this.#round = new Round(this.#store, this.#revisionsMax);
    }
    return this.#round;
  }
}
