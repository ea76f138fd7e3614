// `p6nctl events`: what changes as lines, and the audit as a table.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventView } from '../../src/api/contract/events.ts';
import { followEvents, showAudit } from '../../src/cli/commands/events/events.ts';
import type { Revision } from '../../src/registry/model.ts';
import { AUDIT_SAMPLE, EVENTS_SAMPLE, INSTANCE, values } from '../fakes/api-services.ts';
import { MemoryTerminal } from '../fakes/memory-terminal.ts';

async function followed(
  events: readonly EventView[],
  options: { readonly json: boolean; readonly since?: string },
): Promise<{ output: string; after: Revision | undefined }> {
  const terminal = new MemoryTerminal();
  let asked: Revision | undefined;
  await followEvents({
    client: {
      events: {
        follow: (after) => {
          asked = after;
          return values(events);
        },
      },
    },
    since: options.since,
    onInterrupt: () => () => undefined,
    terminal,
    json: options.json,
  });
  return { output: terminal.output, after: asked };
}

test('followEvents() prints a line for each object that changes', async () => {
  const { output } = await followed(EVENTS_SAMPLE, { json: false });
  assert.deepEqual(output.split('\n'), [
    '2024-02-22T19:56:39Z app created web',
    `2024-02-22T19:56:39Z instance removed ${INSTANCE.id}`,
    '',
  ]);
});

test('followEvents() prints a line of JSON for each revision to programs', async () => {
  const { output } = await followed(EVENTS_SAMPLE, { json: true });
  const lines = output.trim().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line) as unknown),
    EVENTS_SAMPLE,
  );
});

test('followEvents() goes on after a revision, and refuses what is none', async () => {
  const { after } = await followed([], { json: true, since: 'abc.7' });
  assert.deepEqual(after, { incarnation: 'abc', number: 7 });
  await assert.rejects(followed([], { json: true, since: '7' }), { code: 'VALUE_INVALID' });
});

test('followEvents() lets no name steer the terminal', async () => {
  const name = '\u001b[2J';
  const objects = [{ verb: 'created', kind: 'app', id: 'web', record: { name } }] as const;
  const { output } = await followed([{ revision: 'a.1', objects }], { json: false });
  assert.equal(output, 'app created web \\x1b[2J\n');
});

test('showAudit() prints who changed what', async () => {
  const terminal = new MemoryTerminal();
  const client = { events: { audit: () => Promise.resolve({ entries: [AUDIT_SAMPLE] }) } };
  await showAudit({ client, last: 7, terminal, json: false });
  const [, line] = terminal.output.split('\n');
  assert.match(line ?? '', /^2024-02-22T19:56:39Z +host-operator 65536 +create app "web" +created/);
});
