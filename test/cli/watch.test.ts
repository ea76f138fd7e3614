// `p6nctl dns watch`: what comes and what goes, as lines.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NameAnswer, NameLine } from '../../src/api/contract/names.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { watch } from '../../src/cli/commands/dns/watch.ts';
import { NAME_ANSWER_SAMPLE, values } from '../fakes/api-services.ts';
import { MemoryTerminal } from '../fakes/memory-terminal.ts';

const GONE: NameAnswer = { ...NAME_ANSWER_SAMPLE, outcome: 'NXDOMAIN', records: [] };
const OTHER: NameAnswer = {
  ...NAME_ANSWER_SAMPLE,
  records: [{ name: 'web.internal', type: 'AAAA', ttl: 5, data: 'fdaa::7' }],
};

async function watched(answers: readonly NameAnswer[], json: boolean): Promise<string> {
  const terminal = new MemoryTerminal();
  const lines = answers.map((answer): NameLine => ({ type: 'answer', answer }));
  await watch({
    client: { names: { watch: () => values(lines) } },
    question: { name: 'web.internal' },
    now: () => 0 as WallMillis,
    onInterrupt: () => () => undefined,
    terminal,
    json,
  });
  return terminal.output;
}

test('watch() prints each record that comes or goes, and each other outcome', async () => {
  const output = await watched([NAME_ANSWER_SAMPLE, OTHER, GONE], false);
  const address = NAME_ANSWER_SAMPLE.records[0]?.data;
  assert.deepEqual(output.split('\n'), [
    '1970-01-01T00:00:00Z = NOERROR',
    `1970-01-01T00:00:00Z + AAAA ${address}`,
    `1970-01-01T00:00:00Z - AAAA ${address}`,
    '1970-01-01T00:00:00Z + AAAA fdaa::7',
    '1970-01-01T00:00:00Z = NXDOMAIN',
    '1970-01-01T00:00:00Z - AAAA fdaa::7',
    '',
  ]);
});

test('watch() prints a line of JSON for each answer to programs', async () => {
  const output = await watched([NAME_ANSWER_SAMPLE, GONE], true);
  const lines = output.trim().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line) as unknown),
    [NAME_ANSWER_SAMPLE, GONE],
  );
});
