// What the contracts of an instance's output and surroundings take and refuse.

import * as instances from '../../src/api/contract/instances.ts';
import * as output from '../../src/api/contract/output.ts';
import { SURROUNDINGS } from '../fakes/api-services.ts';
import { type Case, row } from './contract-case.ts';

export const OUTPUT_CASES: Readonly<Record<string, Case>> = {
  OUTPUT_LINE: row(
    output.OUTPUT_LINE,
    [
      { type: 'stdout', data: 'b3V0', at: 1 },
      { type: 'stderr', data: '' },
      { type: 'skipped', bytes: 1 },
      { type: 'exit', code: 3 },
      { type: 'exit', signal: 'SIGTERM' },
      { type: 'heartbeat' },
    ],
    [{ type: 'stdin', data: '' }, { type: 'exit', code: '3' }, {}],
  ),
  OUTPUT_QUERY: row(
    output.OUTPUT_QUERY,
    [{}, { follow: '1', tail_bytes: '1024', tail_lines: '0' }],
    [{ follow: 'yes' }, { tail_lines: 'x' }, { tail_bytes: '-1' }, { tail_bytes: '1e3' }],
  ),
  RUN_CLUSTER: row(
    instances.RUN_CLUSTER,
    [{ app: 'web', command: ['x'], size: 256 }],
    [
      { app: 'web', command: ['x'] },
      { app: 'web', command: ['x'], size: 0 },
      { app: 'web', command: ['x'], size: 257 },
    ],
  ),
  INSTANCE_SURROUNDINGS: row(instances.INSTANCE_SURROUNDINGS, [SURROUNDINGS], [{}]),
};
