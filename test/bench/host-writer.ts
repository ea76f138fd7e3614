// Writes records of instances as the p6nd of their host does, from that host's own namespace: turns
// the state of the first when the parent says so, and changes the metadata of the others at a
// steady rate besides.
//
// Started with STATE-FOLDER SERVER-ADDRESS RECORDS WRITES-A-SECOND.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostId } from '../../src/addressing/ids.ts';
import { hostAddress } from '../../src/addressing/layout.ts';
import { SERVER_PORT } from '../../src/addressing/ports.ts';
import { ApiClient } from '../../src/api/client.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import type { Instance } from '../../src/registry/model.ts';
import { monotonicMs } from './watched-name.ts';

/** When a turn was asked for and when it was acknowledged, by the clock of the machine. */
export interface Turned {
  readonly requestedMs: number;
  readonly acknowledgedMs: number;
}

const [folder = '', server = '', records = '', rate = ''] = process.argv.slice(2);
const { hostId, secret } = JSON.parse(readFileSync(join(folder, 'identity.json'), 'utf8')) as {
  readonly hostId: HostId;
  readonly secret: string;
};
const client = new ApiClient({
  target: { kind: 'tcp', host: server, port: SERVER_PORT, localAddress: hostAddress(hostId) },
  secret,
});
const [turning, ...busy] = JSON.parse(records) as [Instance, ...Instance[]];
let state: Instance['state'] = turning.state;
let writes = 0;

process.on('message', () => void turn());
process.on('disconnect', () => process.exit(0));
setInterval(() => void write(), 1_000 / Number(rate));

async function turn(): Promise<void> {
  state = state === 'started' ? 'stopped' : 'started';
  const requestedMs = monotonicMs();
  await client.self.putInstance({ ...turning, state, updatedAt: Date.now() as WallMillis });
  const turned: Turned = { requestedMs, acknowledgedMs: monotonicMs() };
  process.send?.(turned);
}

async function write(): Promise<void> {
  writes += 1;
  const instance = busy[writes % busy.length] as Instance;
  const metadata = { write: `${writes}` };
  await client.self.putInstance({ ...instance, metadata, updatedAt: Date.now() as WallMillis });
}
