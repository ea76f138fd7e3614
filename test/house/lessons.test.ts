// Every test that test/README.md names against a mistake of others is there, by that very name.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filesBelow, readText } from './tree.ts';

const LESSONS_MIN = 50;

const names = [...readText('test/README.md').matchAll(/^\| [^|*]+\| ([^|`]+?) +\|$/gm)]
  .map(([, name]) => name ?? '')
  .filter((name) => !/^(?:-+|here)$/.test(name));

test('the tests that are named against mistakes of others exist', () => {
  const sources = filesBelow('test', '.ts')
    .filter(({ path }) => path.endsWith('.test.ts'))
    .map(({ text }) => text)
    .join('\n');
  assert.ok(names.length >= LESSONS_MIN, `${names.length} are named`);
  for (const name of names) assert.ok(sources.includes(`'${name}'`), name);
});
