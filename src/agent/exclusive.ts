// One operation at a time on one thing: later ones wait in order.

export class Exclusive<K> {
  readonly #last = new Map<K, Promise<unknown>>();

  /** Runs `task` after all earlier ones for `key`, however those ended. */
  async run<T>(key: K, task: () => Promise<T>): Promise<T> {
    const earlier = this.#last.get(key) ?? Promise.resolve();
    const mine = earlier.catch(() => undefined).then(task);
    this.#last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }
}
