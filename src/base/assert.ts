// Assertions for programmer errors. They stay in production: a broken invariant in control code
// must stop the program at once, before it acts on a state that nobody thought of. Hostile input is
// never asserted on.

export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws an AssertionError with `message` when `condition` is false. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Marks the branch of an exhaustive switch that no value can reach; throws if one does. */
export function unreachable(value: never): never {
  throw new AssertionError(`Unreachable value: ${String(value)}`);
}
