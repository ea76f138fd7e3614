// How large a packet to a peer may be so that its datagram arrives in one piece, found as RFC 8899
// has it: by probes that no router may cut and that the peer answers. A machine of states; nothing
// here knows messages.
//
//              a large packet was sent                unanswered for a while
//   dormant ---------------------------> checking ------------------------> searching
//      ^                                  |    ^                             |     |  ^ closer
//      | no large packet since            v    | large packets since         v     +--+
//      +------------------------------- resting <----------------------------+
//
// A check is one probe: of the largest length at first and now and then, else of the limit. So a
// path that takes all costs nothing but that, and one that has become narrow without a word is
// found to be. A search sends many lengths at once, and again between the largest that was answered
// and the next. Where not even the shortest probe is answered the peer is silent, and nothing is
// learned. Peers that know no probes have the limit that the system knows.

import { after, type Millis, NEVER } from '../../base/clock.ts';

/** The least MTU of IPv6: no sender is told less, whatever fits. */
export const PATH_LIMIT_MIN = 1280;
/** As long as nothing is known. */
export const NO_PATH_LIMIT = 0xffff;
/** Of a probe that fits any path: whether the peer answers at all. */
export const SHORTEST_PROBE = 16;
/** How long answers are waited for where none has come. */
export const PROBE_WAIT_MS = 1_000;
/** Between two checks while large packets are sent. */
export const CHECK_INTERVAL_MS = 15_000;
/** Until a limit below the largest length is doubted. */
export const RAISE_INTERVAL_MS = 600_000;

/** Probes of one round of a search. */
const LENGTHS_MAX = 16;
/** A limit is found as exactly as this, which is as exact as padding is. */
const RESOLUTION = 16;
const TRIES = 2;
/** Once one answer has come, all others are waited for twice as long, and this much at least. */
const ANSWER_WAIT_MS_MIN = 250;

type State = 'dormant' | 'resting' | 'checking' | 'searching';

export class PathMtu {
  /** Longer packets than this do not go to the peer. */
  limit: number = NO_PATH_LIMIT;
  /** When expire() is due. */
  deadline: Millis = NEVER;
  /** Of the probes at hand; answers to others are late. */
  number = 0;
  #state: State = 'dormant';
  #isWanted = false;
  #ceiling = 0;
  #checkedAt: Millis | undefined;
  #raisedAt: Millis | undefined;
  #sentAt: Millis | undefined;
  #waitMs = PROBE_WAIT_MS;
  /** Of the search: from where to where, and what has yet to be answered. */
  #low = 0;
  #high = 0;
  #unanswered: number[] = [];
  #answered = 0;
  #isHeard = false;
  #tries = 0;

  /** A packet longer than PATH_LIMIT_MIN was to be sent. */
  wanted(now: Millis): void {
    this.#isWanted = true;
    if (this.#state !== 'dormant') return;
    const checkedAt = this.#checkedAt;
    const next = checkedAt === undefined ? now : after(checkedAt, CHECK_INTERVAL_MS);
    this.#rest(next > now ? next : now);
  }

  /** The peer is somewhere else: nothing is known. */
  reset(): void {
    this.limit = NO_PATH_LIMIT;
    this.doubt();
  }

  /** Routes have changed: what is known is asked anew when it is needed. */
  doubt(): void {
    this.deadline = NEVER;
    this.#state = 'dormant';
    this.#checkedAt = undefined;
    this.#raisedAt = undefined;
  }

  /**
   * Does what is due and returns the lengths of the probes to send. `askCeiling` tells the largest
   * length that is worth a probe, and is asked at each check; `canProbe` says whether the peer
   * answers probes.
   */
  expire(now: Millis, canProbe: boolean, askCeiling: () => number): readonly number[] {
    if (now < this.deadline) return [];
    switch (this.#state) {
      case 'dormant':
        this.deadline = NEVER;
        return [];
      case 'resting':
        return this.#check(now, canProbe, askCeiling());
      case 'checking':
        return this.#search(PATH_LIMIT_MIN, this.#high, now);
      case 'searching':
        return this.#tries < TRIES ? this.#send(this.#unanswered, now) : this.#conclude(now);
    }
  }

  /** The probe of that length and number has arrived. */
  arrived(length: number, number: number, now: Millis): void {
    const isAsked = this.#state === 'checking' || this.#state === 'searching';
    if (!isAsked || number !== this.number || length > this.#high) return;
    this.#isHeard = true;
    if (length !== SHORTEST_PROBE) this.#answered = Math.max(this.#answered, length);
    this.#unanswered = this.#unanswered.filter((one) => one > length);
    if (this.#answered === this.#high) {
      this.#settle(this.#high, now);
    } else if (this.#sentAt !== undefined && this.#waitMs === PROBE_WAIT_MS) {
      this.#waitMs = Math.max(ANSWER_WAIT_MS_MIN, 2 * (now - this.#sentAt));
      this.deadline = Math.min(this.deadline, after(this.#sentAt, this.#waitMs)) as Millis;
    }
  }

  #check(now: Millis, canProbe: boolean, ceiling: number): readonly number[] {
    if (!this.#isWanted) {
      this.#state = 'dormant';
      this.deadline = NEVER;
      return [];
    }
    this.#isWanted = false;
    this.#checkedAt = now;
    const isRaising =
      this.#raisedAt === undefined ||
      now - this.#raisedAt >= RAISE_INTERVAL_MS ||
      ceiling !== this.#ceiling;
    this.#ceiling = ceiling;
    this.limit = Math.min(this.limit, Math.max(PATH_LIMIT_MIN, ceiling));
    if (!canProbe || ceiling <= PATH_LIMIT_MIN) {
      this.#settle(Math.max(PATH_LIMIT_MIN, ceiling), now);
      return [];
    }
    if (isRaising) this.#raisedAt = now;
    this.number = (this.number + 1) >>> 0;
    this.#state = 'checking';
    this.#answered = 0;
    this.#waitMs = PROBE_WAIT_MS;
    this.#high = isRaising ? ceiling : Math.min(ceiling, this.limit);
    return this.#send([this.#high], now);
  }

  #search(low: number, high: number, now: Millis): readonly number[] {
    this.#state = 'searching';
    this.#low = low;
    this.#high = high;
    this.#answered = 0;
    this.#isHeard = false;
    this.#tries = 0;
    this.#unanswered = lengthsBetween(low, high);
    return this.#send([SHORTEST_PROBE, ...this.#unanswered], now);
  }

  #send(lengths: readonly number[], now: Millis): readonly number[] {
    this.#tries += 1;
    this.#sentAt = now;
    this.deadline = after(now, this.#waitMs);
    return lengths;
  }

  /** All that will be answered has been. */
  #conclude(now: Millis): readonly number[] {
    if (!this.#isHeard) {
      // Nobody has answered: what was to be raised has yet to be tried.
      this.#raisedAt = undefined;
      this.#rest(after(now, CHECK_INTERVAL_MS));
      return [];
    }
    const low = Math.max(this.#answered, this.#low);
    const high = this.#unanswered[0] ?? this.#high;
    if (high - low > RESOLUTION) return this.#search(low, high, now);
    this.#settle(low, now);
    return [];
  }

  #settle(limit: number, now: Millis): void {
    this.limit = limit;
    this.#rest(after(now, CHECK_INTERVAL_MS));
  }

  #rest(until: Millis): void {
    this.#state = 'resting';
    this.deadline = until;
  }
}

/** From `low` to `high`, both of them among it. */
function lengthsBetween(low: number, high: number): number[] {
  const steps = Math.min(LENGTHS_MAX, Math.ceil((high - low) / RESOLUTION));
  return Array.from({ length: steps + 1 }, (_, step) =>
    step === steps ? high : low + Math.floor(((high - low) * step) / steps),
  );
}
