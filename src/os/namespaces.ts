// Entering another network namespace, as a port.

export interface Namespaces {
  /**
   * Runs `action` with the calling thread inside the network namespace at `path` and brings the
   * thread back, also when `action` throws; undefined is the thread's own namespace. Descriptors
   * that `action` makes stay in that namespace. `action` is synchronous: anything that it starts
   * and that goes on later runs elsewhere. Other threads stay where they are.
   *
   * Throws NAMESPACE_INVALID when there is no network namespace at `path`, NOT_ROOT without the
   * permission. A thread that cannot come back ends the process: going on in the wrong namespace
   * would put one tenant's descriptors into another's.
   */
  within<T>(path: string | undefined, action: () => T): T;
}
