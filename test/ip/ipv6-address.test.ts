// IPv6 text: RFC 4291 section 2.2 read, RFC 5952 written.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalIpv6, formatIpv6, parseIpv6 } from '../../src/ip/ipv6-address.ts';

const canonical: readonly (readonly [text: string, form: string])[] = [
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['2001:0DB8:0:0:8:800:200C:417A', '2001:db8::8:800:200c:417a'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ['::ffff:c000:201', '::ffff:192.0.2.1'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['fdaa:0:18:a7b:7d:f066:b83b:2', 'fdaa:0:18:a7b:7d:f066:b83b:2'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
];
for (const [text, form] of canonical) {
  test(`canonicalIpv6() writes ${text} as ${form}`, () => assert.equal(canonicalIpv6(text), form));
}

const refused =
  ' |:|:::|1::2::3|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|1:2:3:4:5:6:7:8::|12345::|g::|::1%eth0|' +
  '1.2.3.4|::1.2.3|::1.2.3.256|::01.2.3.4|::1.2.3.4:5|1:|:1|::1/64| ::1';
for (const text of refused.split('|')) {
  test(`parseIpv6() refuses "${text}"`, () => assert.equal(parseIpv6(text), undefined));
}

test('parseIpv6() reads the longest text, and looks at none that is longer', (t) => {
  const longest = 'ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255';
  assert.deepEqual(parseIpv6(longest), new Uint8Array(16).fill(255));
  const split = t.mock.method(String.prototype, 'split').mock;
  assert.equal(parseIpv6(`${longest}:`), undefined);
  assert.equal(split.callCount(), 0);
});

test('parseIpv6() reads back what formatIpv6() wrote', () => {
  const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
  const groups = fc.array(group, { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(groups, (values) => {
      const bytes = new Uint8Array(16);
      for (const [i, value] of values.entries()) new DataView(bytes.buffer).setUint16(2 * i, value);
      const text = formatIpv6(bytes);
      assert.deepEqual(parseIpv6(text), bytes);
      assert.equal(canonicalIpv6(text), text);
    }),
  );
});
