// Whether a command that has ended by itself runs again, and when: soon at first, ever more rarely
// when it does not last.

/** Between an end and the next start: doubled each time, until the command lasts. */
export const RESTART_DELAY_MIN_MS = 500;
export const RESTART_DELAY_MAX_MS = 60_000;
/** A command that has run for so long has not failed at its start: all begins anew. */
export const RESTART_LASTS_MS = 10_000;
export const RESTARTS_MAX = 1_000_000;

export interface RestartSpec {
  /** After a failure (another code than 0, or a signal), or after every end. */
  readonly when: 'on-failure' | 'always';
  /** So many times in a row at the most; without end where absent. */
  readonly max?: number | undefined;
}

export class RestartPolicy {
  readonly #spec: RestartSpec | undefined;
  /** Starts in a row that did not last. */
  #inVain = 0;
  #restarts = 0;

  constructor(spec: RestartSpec | undefined) {
    this.#spec = spec;
  }

  /** How often the command was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** How long to wait before the next start, milliseconds; undefined when there is none. */
  next(end: { readonly code: number | undefined; readonly ranMs: number }): number | undefined {
    if (this.#spec === undefined) return undefined;
    const { max = Number.POSITIVE_INFINITY, when } = this.#spec;
    if (when === 'on-failure' && end.code === 0) return undefined;
    if (end.ranMs >= RESTART_LASTS_MS) this.#inVain = 0;
    if (this.#inVain >= max) return undefined;
    const delayMs = Math.min(RESTART_DELAY_MAX_MS, RESTART_DELAY_MIN_MS * 2 ** this.#inVain);
    this.#inVain += 1;
    this.#restarts += 1;
    return delayMs;
  }
}
