// A feed that is checked before its first step, and costs nothing besides afterwards: a generator
// round another one would cost each step several turns.

/** What `open` gives, once `check` has resolved; rejects at the first step with its error. */
export function checkedFirst<T>(
  check: () => Promise<void>,
  open: () => AsyncIterable<T>,
): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      let opened: AsyncIterator<T> | undefined;
      const first = async (): Promise<IteratorResult<T>> => {
        await check();
        opened = open()[Symbol.asyncIterator]();
        return await opened.next();
      };
      return {
        next: () => opened?.next() ?? first(),
        return: async () => (await opened?.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}
