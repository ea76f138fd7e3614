// A follower as changes find it: what it has asked for, how far it is, and what is due for it. A
// change finds fifty of a thousand, so all are of one shape, and what is due is noted, not sought.

import type { NetworkId } from '../../addressing/ids.ts';
import type { Live } from './following.ts';
import type { FollowedChange } from './recent-changes.ts';

/** What is due for one that takes nothing for longer is sought among the last changes. */
const NOTED_MAX = 64;

export interface ReaderCalls {
  readonly take: (reader: Reader) => Uint8Array | undefined;
  readonly leave: (reader: Reader) => void;
}

export class Reader implements Live {
  readonly networks: ReadonlySet<NetworkId>;
  /** Nothing up to this revision is left to be told. */
  position: number;
  /** Whether there is something to be told; at first all that there is. */
  isDue = true;
  hasLeft = false;
  /** What it knows may be wrong. */
  mustList = false;
  wake: () => void = () => undefined;
  readonly #calls: ReaderCalls;
  /** All that is due; undefined where that is not noted. */
  #noted: FollowedChange[] | undefined;

  constructor(networks: ReadonlySet<NetworkId>, position: number, calls: ReaderCalls) {
    this.networks = networks;
    this.position = position;
    this.#calls = calls;
  }

  /** There is something for it after `position`; whether there was nothing before. */
  note(position: number, change?: FollowedChange): boolean {
    const begins = !this.isDue;
    if (begins) {
      this.isDue = true;
      this.position = position;
      this.#noted = [];
    }
    if (change === undefined || this.#noted === undefined) return begins;
    if (this.#noted.length < NOTED_MAX) this.#noted.push(change);
    else this.#noted = undefined;
    return begins;
  }

  /** What was due, which is so no more; undefined where it has to be sought. */
  takeNoted(): readonly FollowedChange[] | undefined {
    const noted = this.#noted;
    this.isDue = false;
    this.#noted = undefined;
    return noted;
  }

  take(): Uint8Array | undefined {
    return this.#calls.take(this);
  }

  leave(): void {
    this.#calls.leave(this);
  }
}
