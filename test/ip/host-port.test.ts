// Endpoints in text: what is one, and that what is written is read.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatHostPort, isAddressText, parseHostPort } from '../../src/ip/host-port.ts';

for (const [text, host, port] of [
  ['192.0.2.1:51820', '192.0.2.1', 51_820],
  ['[2001:db8::1]:1', '2001:db8::1', 1],
  ['[fe80::1%2]:65535', 'fe80::1%2', 65_535],
  ['host.example:51820', 'host.example', 51_820],
] as const) {
  test(`parseHostPort() reads ${text}`, () => {
    assert.deepEqual(parseHostPort(text), { host, port });
  });
}

for (const text of [
  '',
  ':1',
  'host',
  'host:',
  'host:0',
  'host:65536',
  '2001:db8::1:1',
  '[host]:1',
  '1.2.3:1',
  '1.2.3.256:1',
  '-host:1',
  'ho st:1',
  '[fe80::1%]:1',
  `${'a'.repeat(64)}:1`,
]) {
  test(`parseHostPort() refuses "${text}"`, () => assert.equal(parseHostPort(text), undefined));
}

test('formatHostPort() writes what parseHostPort() reads', () => {
  for (const text of ['192.0.2.1:1', '[2001:db8::1]:2', 'host.example:3']) {
    const parts = parseHostPort(text);
    assert.ok(parts);
    assert.equal(formatHostPort(parts), text);
  }
});

test('isAddressText() tells addresses from names', () => {
  assert.deepEqual(['192.0.2.1', '2001:db8::1', 'fe80::1%2', 'host'].map(isAddressText), [
    true,
    true,
    true,
    false,
  ]);
});
