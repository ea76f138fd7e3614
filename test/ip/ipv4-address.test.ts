// IPv4 addresses as dotted quads: what is read, what is refused, what is written.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIpv4, parseIpv4 } from '../../src/ip/ipv4-address.ts';

test('parseIpv4() takes four numbers from 0 to 255', () => {
  assert.deepEqual([...parseIpv4('192.0.2.1')!], [192, 0, 2, 1]);
  assert.deepEqual([...parseIpv4('0.0.0.0')!], [0, 0, 0, 0]);
  assert.deepEqual([...parseIpv4('255.255.255.255')!], [255, 255, 255, 255]);
});

for (const text of ['', '1.2.3', '1.2.3.4.5', '256.0.0.1', '01.2.3.4', '1.2.3.4 ', '1.2.3.x']) {
  test(`parseIpv4() refuses "${text}"`, () => {
    assert.equal(parseIpv4(text), undefined);
  });
}

test('formatIpv4() writes the bytes at an offset', () => {
  assert.equal(formatIpv4(Uint8Array.of(9, 9, 10, 0, 0, 7, 9), 2), '10.0.0.7');
});
