// Locks that go with their process, however that ends, as a small port.

import type { Stoppable } from '../base/lifecycle.ts';

export interface Locks {
  /**
   * Takes the lock of an existing folder without waiting; undefined while anybody else has it, in
   * whatever namespace. Nothing is written. Stopping gives it back. Throws NOT_ROOT or SYSTEM.
   */
  lockFolder(path: string): Stoppable | undefined;
}
