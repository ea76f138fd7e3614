// Instances: written by their host alone.

import type { HostId, MachineId, NetworkId } from '../addressing/ids.ts';
import type { P6nError } from '../base/errors.ts';

/** What became of one record of several. */
export interface InstanceOutcome {
  readonly machineId: MachineId;
  /** Why it was refused; undefined when it was written. */
  readonly problem: P6nError | undefined;
}

export interface InstanceFilter {
  readonly app?: string | undefined;
  readonly host?: HostId | undefined;
  readonly network?: NetworkId | undefined;
}
