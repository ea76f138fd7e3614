// Endpoints in text and in bytes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENDPOINT_LOCAL_OFFSET } from '../../../src/base/packet-batch.ts';
import {
  cookieSource,
  copyEndpoint,
  formatEndpoint,
  isSameEndpoint,
  isSamePlace,
  parseEndpoint,
  rateBlock,
  withoutSource,
} from '../../../src/device/peers/endpoint.ts';

for (const address of ['192.0.2.1', '2001:db8::1', 'fe80::1%2', '::1']) {
  test(`parseEndpoint() reads ${address} and formatEndpoint() writes it`, () => {
    const endpoint = { address, port: 51_820 };
    assert.deepEqual(formatEndpoint(parseEndpoint(endpoint)!), endpoint);
  });
}

for (const [address, port] of [
  ['192.0.2.1', 0],
  ['192.0.2.1', 65_536],
  ['192.0.2.1', 1.5],
  ['192.0.2.1%1', 1],
  ['fe80::1%eth0', 1],
  ['fe80::1%', 1],
  ['fe80::1%1%2', 1],
  ['fe80::1%4294967296', 1],
  ['example.com', 1],
  ['', 1],
] as const) {
  test(`parseEndpoint() refuses "${address}" port ${port}`, () => {
    assert.equal(parseEndpoint({ address, port }), undefined);
  });
}

test('isSamePlace() leaves our own address aside and isSameEndpoint() does not', () => {
  const endpoint = parseEndpoint({ address: '192.0.2.1', port: 1 })!;
  const heard = copyEndpoint(endpoint.bytes, 0);
  heard.bytes[ENDPOINT_LOCAL_OFFSET] = 10;
  assert.ok(isSamePlace(endpoint, heard));
  assert.ok(!isSameEndpoint(endpoint, heard.words, 0));
  assert.ok(isSameEndpoint(endpoint, withoutSource(heard).words, 0));
  assert.ok(!isSamePlace(endpoint, parseEndpoint({ address: '192.0.2.1', port: 2 })!));
  assert.ok(!isSamePlace(endpoint, parseEndpoint({ address: '192.0.2.2', port: 1 })!));
});

test('cookieSource() is the address and the port in network order', () => {
  const ipv4 = cookieSource(parseEndpoint({ address: '192.0.2.1', port: 0x1234 })!);
  assert.deepEqual([...ipv4], [192, 0, 2, 1, 0x12, 0x34]);
  const ipv6 = cookieSource(parseEndpoint({ address: '2001:db8::1', port: 0x1234 })!);
  assert.equal(ipv6.length, 18);
  assert.deepEqual([...ipv6.subarray(14)], [0, 1, 0x12, 0x34]);
});

test('rateBlock() is the address in IPv4 and the /64 in IPv6', () => {
  const block = (address: string, port: number) => rateBlock(parseEndpoint({ address, port })!);
  assert.equal(block('192.0.2.1', 1), block('192.0.2.1', 2));
  assert.notEqual(block('192.0.2.1', 1), block('192.0.2.2', 1));
  assert.equal(block('2001:db8::1', 1), block('2001:db8:0:0:ffff::9', 1));
  assert.notEqual(block('2001:db8::1', 1), block('2001:db8:0:1::1', 1));
});
