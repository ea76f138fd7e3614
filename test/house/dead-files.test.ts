// A file of src/ that nothing imports and that is not an entry point is dead.

import assert from 'node:assert/strict';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { filesBelow, importsOf } from './tree.ts';

/** Implementations of a port that no program composes, and why they are there. */
const SECOND_IMPLEMENTATIONS = [
  {
    path: 'src/registry/memory/memory-store.ts',
    reason: 'the twin that tests of the rules run on',
  },
];

test('every file of src/ is reached from an entry point', () => {
  const sources = filesBelow('src', '.ts');
  const reached = new Set<string>();
  for (const file of sources) {
    for (const target of importsOf(file)) reached.add(normalize(join(dirname(file.path), target)));
    for (const match of file.text.matchAll(/new URL\('(\.[^']+)\.js', import\.meta\.url\)/g)) {
      reached.add(normalize(join(dirname(file.path), `${match[1]}.ts`)));
    }
  }
  for (const composition of ['daemon', 'cli', 'standalone', 'attach/cni']) {
    reached.add(`src/${composition}/main.ts`);
  }
  for (const { path } of SECOND_IMPLEMENTATIONS) reached.add(path);
  const dead = sources.map((file) => file.path).filter((path) => !reached.has(path));
  assert.deepEqual(dead, []);
});
