// Whether the registry of this server answers: told by what the server asks it every few seconds
// in any case. A watch that hears nothing does not tell, since nothing may have happened.

import type { Clock, Millis, WallMillis } from '../base/clock.ts';

/** An etcd that elects another leader, or a disk that is busy, is back before. */
export const SILENCE_MAX_MS = 6_000;

export class RegistryPulse {
  readonly #clock: Clock;
  #answeredAt: Millis;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#answeredAt = clock.now();
  }

  /** Takes the answer to `asked`, a question to the store itself, as a sign of life. */
  async feel<T>(asked: Promise<T>): Promise<T> {
    const answer = await asked;
    this.#answeredAt = this.#clock.now();
    return answer;
  }

  /** When it answered last, if that is too long ago; undefined while it answers. */
  awaySince(): WallMillis | undefined {
    const silentMs = this.#clock.now() - this.#answeredAt;
    if (silentMs <= SILENCE_MAX_MS) return undefined;
    return (this.#clock.wallNow() - silentMs) as WallMillis;
  }
}
