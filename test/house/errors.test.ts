// The catalogue of error codes and the operators' table in README.md say the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_CODES } from '../../src/base/errors.ts';
import { filesBelow, readText } from './tree.ts';

const documented = new Map(
  [...readText('README.md').matchAll(/^\| `([A-Z0-9_]+)` \| (\w+) \|/gm)].map((match) => [
    match[1] ?? '',
    match[2] ?? '',
  ]),
);

test('every error code is documented with its fault, and nothing else is', () => {
  assert.deepEqual(Object.fromEntries(documented), { ...ERROR_CODES });
});

test('every error code is used', () => {
  const text = filesBelow('src', '.ts')
    .filter((file) => file.path !== 'src/base/errors.ts')
    .map((file) => file.text)
    .join('\n');
  for (const code of Object.keys(ERROR_CODES)) {
    assert.ok(text.includes(`'${code}'`), `${code} is in the catalogue, and nothing reports it`);
  }
});
