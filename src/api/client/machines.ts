// Calls about instances as clients of the Machines API see them.

import type {
  MachineFilter,
  MachineMetadata,
  MachineView,
  MachineWait,
  MachineWaited,
} from '../contract/machines.ts';
import { Calls } from './connection.ts';
import { path, withQuery } from './paths.ts';

/** Longer than the longest wait for a machine, milliseconds. */
const WAIT_TIMEOUT_MS = 75_000;

export class MachineCalls extends Calls {
  list(app: string, filter: MachineFilter = {}): Promise<readonly MachineView[]> {
    return this.api.get(withQuery(machinesPath(app), filter));
  }

  get(app: string, id: string): Promise<MachineView> {
    return this.api.get(path(machinesPath(app), id));
  }

  /** Rejects with TIMED_OUT when the machine does not get into the state. */
  wait(app: string, id: string, wait: MachineWait = {}): Promise<MachineWaited> {
    const target = withQuery(`${path(machinesPath(app), id)}/wait`, { ...wait });
    return this.api.call('GET', target, { timeoutMs: WAIT_TIMEOUT_MS });
  }

  getMetadata(app: string, id: string): Promise<MachineMetadata> {
    return this.api.get(`${path(machinesPath(app), id)}/metadata`);
  }

  /** Sets one key, or takes it away where there is no value. */
  setMetadata(app: string, id: string, key: string, value?: string): Promise<void> {
    const target = path(`${path(machinesPath(app), id)}/metadata`, key);
    return value === undefined ? this.api.delete(target) : this.api.post(target, { value });
  }
}

function machinesPath(app: string): string {
  return `${path('/v1/apps', app)}/machines`;
}
