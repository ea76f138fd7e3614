// The small things that commands share: durations, suggestions, sizes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { P6nError } from '../../src/base/errors.ts';
import { formatDuration, parseDuration } from '../../src/cli/duration.ts';
import { formatBytes } from '../../src/cli/print.ts';
import { nearest } from '../../src/cli/suggestion.ts';

const LIMITS = { minMs: 0, maxMs: 1e12 };

for (const [text, ms] of Object.entries({
  '1h': 3_600_000,
  '30m': 1_800_000,
  '90s': 90_000,
  '1h30m': 5_400_000,
  '7d': 604_800_000,
  '0s': 0,
})) {
  test(`parseDuration() reads ${text}`, () => {
    assert.equal(parseDuration(text, LIMITS), ms);
  });
}

for (const text of ['', '1', 'h', '1 h', '-1h', '1.5h', '1H', '1h ', '1w', '1h30', '9999999s']) {
  test(`parseDuration() refuses "${text}"`, () => {
    assert.throws(
      () => parseDuration(text, LIMITS),
      (error) => error instanceof P6nError && error.code === 'VALUE_INVALID',
    );
  });
}

for (const [ms, text] of [
  [0, '0s'],
  [-5, '0s'],
  [999, '0s'],
  [42_500, '42s'],
  [60_000, '1m'],
  [5_400_000, '1h30m'],
  [3_605_000, '1h'],
  [90_061_000, '1d1h'],
] as const) {
  test(`formatDuration() writes ${ms} ms as ${text}`, () => {
    assert.equal(formatDuration(ms), text);
  });
}

for (const [bytes, text] of [
  [0, '0 B'],
  [1_023, '1023 B'],
  [1_024, '1.0 KiB'],
  [1_572_864, '1.5 MiB'],
  [2 ** 60, '1024.0 PiB'],
] as const) {
  test(`formatBytes() writes ${bytes} as ${text}`, () => {
    assert.equal(formatBytes(bytes), text);
  });
}

for (const [word, known, expected] of [
  ['creat', ['create', 'list'], 'create'],
  ['lsit', ['create', 'list'], 'list'],
  ['rem', ['remove', 'list'], 'remove'],
  ['xyz', ['create', 'list'], undefined],
  ['a', ['create', 'list'], undefined],
  ['', ['create'], undefined],
] as const) {
  test(`nearest() to "${word}" is ${expected ?? 'nothing'}`, () => {
    assert.equal(nearest(word, known), expected);
  });
}
