// The small file with a moment: what is written is read, anything else is nothing.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TimestampFile } from '../../src/os/timestamp-file.ts';

test('TimestampFile reads what it wrote, rounded up', async (t) => {
  const file = new TimestampFile(join(scratch(t), 'deep', 'clock'));
  assert.equal(await file.read(), undefined);
  await file.write(1_700_000_000_000.25);
  assert.equal(await file.read(), 1_700_000_000_001);
});

test('TimestampFile takes no other text', async (t) => {
  const path = join(scratch(t), 'clock');
  for (const text of ['', '12', 'x\n', '-5\n', '99999999999999999999\n', '1e9\n']) {
    writeFileSync(path, text);
    assert.equal(await new TimestampFile(path).read(), undefined, JSON.stringify(text));
  }
});

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-clock-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
