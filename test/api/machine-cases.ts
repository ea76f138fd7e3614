// What the contracts of machines take and refuse.

import * as machines from '../../src/api/contract/machines.ts';
import { INSTANCE } from '../fakes/api-services.ts';
import { type Case, row } from './contract-case.ts';

const MACHINE: machines.MachineView = {
  id: INSTANCE.id,
  name: 'web-1',
  state: 'started',
  region: 'ams',
  instance_id: INSTANCE.id,
  private_ip: INSTANCE.address,
  created_at: '2024-02-22T19:56:39.000Z',
  updated_at: '2024-02-22T19:56:39.000Z',
  config: {
    metadata: { fly_process_group: 'app' },
    services: [{ protocol: 'tcp', internal_port: 80 }],
  },
  checks: [{ name: 'health', status: 'critical' }],
  host_status: 'ok',
};

export const MACHINE_CASES: Readonly<Record<string, Case>> = {
  MACHINE_VIEW: row(
    machines.MACHINE_VIEW,
    [MACHINE],
    [
      { ...MACHINE, state: 'suspended' },
      { ...MACHINE, created_at: 1 },
      { ...MACHINE, host: 'one' },
    ],
  ),
  MACHINE_LIST: row(machines.MACHINE_LIST, [[], [MACHINE]], [{ machines: [] }, [{}]]),
  MACHINE_FILTER: row(
    machines.MACHINE_FILTER,
    [{}, { include_deleted: '', region: 'ams', state: 'started', 'metadata.tier': 'front' }],
    [{ tier: 'front' }, { 'metadata.': 'x' }, { state: ['started', 'stopped'] }],
  ),
  MACHINE_WAIT: row(
    machines.MACHINE_WAIT,
    [{}, { state: 'destroyed', timeout: '60', instance_id: MACHINE.id }],
    [{ state: 'created' }, { timeout: '61' }, { timeout: '1s' }, { timeout: 1 }],
  ),
  MACHINE_WAITED: row(machines.MACHINE_WAITED, [{ ok: true }], [{ ok: false }, {}]),
  MACHINE_METADATA: row(machines.MACHINE_METADATA, [{}, { tier: 'front' }], [{ tier: 1 }, []]),
  SET_METADATA: row(
    machines.SET_METADATA,
    [{ value: '' }, { value: 'front' }],
    [{}, { value: 1 }, { value: 'x'.repeat(4_097) }, { key: 'tier', value: '' }],
  ),
};
