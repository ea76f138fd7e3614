// `p6nctl status` is one screen, whatever the size of the site.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StatusView } from '../../src/api/contract/status.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { status } from '../../src/cli/commands/diagnosis/status.ts';
import { STATUS } from '../fakes/api-services.ts';
import { MemoryTerminal } from '../fakes/memory-terminal.ts';

const MANY = 500;

async function shown(view: StatusView, all = false): Promise<string> {
  const terminal = new MemoryTerminal();
  const client = { host: { status: () => Promise.resolve(view) } };
  const now = (): WallMillis => 120_001 as WallMillis;
  await status({ client, terminal, json: false, now, all });
  return terminal.output;
}

function large(): StatusView {
  const [peer] = STATUS.peers;
  const [instance] = STATUS.instances;
  assert.ok(peer !== undefined && instance !== undefined);
  const numbers = Array.from({ length: MANY }, (_, n) => n);
  return {
    ...STATUS,
    peers: numbers.map((n) => ({ ...peer, name: `host-${n}`, last_handshake_at: 60_000 + n })),
    instances: numbers.map((n) => ({ ...instance, name: `web-${n}` })),
    drops: Object.fromEntries(numbers.map((n) => [`reason-${n}`, n])),
  };
}

test('status is one screen with the latest peers and the most drops', async () => {
  const text = await shown(large());
  assert.ok(text.split('\n').length <= 50, text);
  for (const word of [`host-${MANY - 1}`, `reason-${MANY - 1}`, `${MANY} of ${MANY} peers`]) {
    assert.ok(text.includes(word), word);
  }
  assert.match(text, /^and 492 more: p6nctl status --all$/m);
});

test('status says how many instances there are in which state, and what was asked', async () => {
  const text = await shown({ ...STATUS, names: { absent: 3, answered: 7 } });
  assert.match(text, /^instances +1 started$/m);
  assert.match(text, /^names +7 answered, 3 absent$/m);
  assert.match(text, /^registry +serving$/m);
});

test('status says since when the registry of a server does not answer', async () => {
  const text = await shown({ ...STATUS, registry: { state: 'unavailable', since: 60_001 } });
  assert.match(text, /^registry +unavailable for 1m/m);
});

test('status names the hosts that a change of the key waits for', async () => {
  assert.doesNotMatch(await shown(STATUS), /key change/);
  const text = await shown({ ...STATUS, key_change: { since: 60_001, missing: ['two', 'three'] } });
  assert.match(text, /^key change +waits for two, three, for 1m/m);
});

test('status --all leaves nothing out', async () => {
  const text = await shown(large(), true);
  assert.ok(text.split('\n').length > 3 * MANY);
  assert.doesNotMatch(text, /more: p6nctl/);
});
