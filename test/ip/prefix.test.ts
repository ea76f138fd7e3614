// Prefixes in text and as a rule.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpv4 } from '../../src/ip/ipv4-address.ts';
import { parseIpv6 } from '../../src/ip/ipv6-address.ts';
import {
  commonPrefixBits,
  formatPrefix,
  parsePrefix,
  prefixContains,
} from '../../src/ip/prefix.ts';

for (const [text, canonical] of [
  ['fdaa::/16', 'fdaa::/16'],
  ['fdaa:1:2::9/48', 'fdaa:1:2::/48'],
  ['fdaa:ffff::/17', 'fdaa:8000::/17'],
  ['::/0', '::/0'],
  ['fdaa::1', 'fdaa::1/128'],
  ['10.1.2.3/8', '10.0.0.0/8'],
  ['10.1.2.3/31', '10.1.2.2/31'],
  ['10.1.2.3', '10.1.2.3/32'],
  ['0.0.0.0/0', '0.0.0.0/0'],
] as const) {
  test(`parsePrefix() reads ${text} as ${canonical}`, () => {
    assert.equal(formatPrefix(parsePrefix(text)!), canonical);
  });
}

for (const text of ['', '/8', 'fdaa::/129', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', '::/0/0']) {
  test(`parsePrefix() refuses "${text}"`, () => {
    assert.equal(parsePrefix(text), undefined);
  });
}

for (const [prefix, address, contains] of [
  ['fdaa::/16', 'fdaa:1::1', true],
  ['fdaa::/16', 'fdab::', false],
  ['fdaa::/15', 'fdab::', true],
  ['::/0', 'ffff::', true],
  ['fdaa::1/128', 'fdaa::1', true],
  ['fdaa::1/128', 'fdaa::3', false],
  ['10.0.0.0/9', '10.127.0.1', true],
  ['10.0.0.0/9', '10.128.0.1', false],
] as const) {
  test(`prefixContains() says ${contains} of ${address} in ${prefix}`, () => {
    const bytes = parseIpv4(address) ?? parseIpv6(address)!;
    assert.equal(prefixContains(parsePrefix(prefix)!, bytes), contains);
    const shifted = Uint8Array.of(7, 7, 7, ...bytes);
    assert.equal(prefixContains(parsePrefix(prefix)!, shifted, 3), contains);
  });
}

test('commonPrefixBits() counts the leading bits that are equal', () => {
  const bits = (a: string, b: string) => commonPrefixBits(parseIpv4(a)!, parseIpv4(b)!);
  assert.equal(bits('128.0.0.0', '0.0.0.0'), 0);
  assert.equal(bits('10.0.0.0', '10.0.0.1'), 31);
  assert.equal(bits('10.0.0.0', '10.0.64.0'), 17);
  assert.equal(bits('10.0.0.7', '10.0.0.7'), 32);
});
