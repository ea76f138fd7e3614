// The tables of reasons and rules are complete, and constants that stand twice are equal.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as dataplane from '../../src/dataplane/config.ts';
import { DROP_REASON_COUNT, DROP_REASONS, DropReason } from '../../src/filter/drop-reason.ts';
import {
  HOST_TUN,
  PASS_RULE_COUNT,
  PASS_RULES,
  PassRule,
  REJECTION_NAMES,
  Rejection,
} from '../../src/filter/verdict.ts';

test('DropReason and PassRule count up from 0 without a gap', () => {
  for (const [numbers, count] of [
    [DropReason, DROP_REASON_COUNT],
    [PassRule, PASS_RULE_COUNT],
  ] as const) {
    assert.deepEqual(
      Object.values(numbers),
      Array.from({ length: count }, (_, i) => i),
    );
  }
  assert.equal(REJECTION_NAMES.length, Object.keys(Rejection).length);
});

test('every reason and rule has a name of its own and one sentence', () => {
  const texts = [...Object.values(DROP_REASONS), ...Object.values(PASS_RULES)];
  assert.equal(new Set(texts.map((text) => text.name)).size, texts.length);
  for (const { name, sentence } of texts) {
    assert.match(name, /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/);
    assert.match(sentence, /^[A-Z][^.]*\.$/, name);
  }
});

test('a name is that of its constant', () => {
  for (const [key, number] of Object.entries(DropReason)) {
    const kebab = key.replace(/(?!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
    assert.equal(DROP_REASONS[number].name, kebab);
  }
});

test('only "address unreachable" goes through a tunnel', () => {
  for (const text of Object.values(DROP_REASONS)) {
    const { remoteAnswer } = text;
    assert.ok(remoteAnswer === Rejection.None || remoteAnswer === Rejection.AddressUnreachable);
  }
});

test('the filter and the data plane mean the same TUN', () => {
  assert.equal(HOST_TUN, dataplane.HOST_TUN);
});
