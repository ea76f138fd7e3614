// The trie against a list that is searched from end to end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseIpv4 } from '../../src/ip/ipv4-address.ts';
import {
  formatPrefix,
  maskedPrefix,
  type Prefix,
  parsePrefix,
  prefixContains,
} from '../../src/ip/prefix.ts';
import { PrefixMap } from '../../src/ip/prefix-map.ts';

test('PrefixMap.lookup() finds the longest match', () => {
  const map = mapOf('0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24', '10.1.2.3/32');
  for (const [address, prefix] of [
    ['11.0.0.1', '0.0.0.0/0'],
    ['10.2.0.1', '10.0.0.0/8'],
    ['10.1.3.1', '10.1.0.0/16'],
    ['10.1.2.4', '10.1.2.0/24'],
    ['10.1.2.3', '10.1.2.3/32'],
  ] as const) {
    assert.equal(map.lookup(parseIpv4(address)!), prefix);
  }
});

test('PrefixMap.lookup() finds nothing where no prefix matches', () => {
  assert.equal(new PrefixMap(4).lookup(parseIpv4('10.0.0.1')!), undefined);
  assert.equal(mapOf('10.0.0.0/8').lookup(parseIpv4('11.0.0.1')!), undefined);
  assert.equal(
    mapOf('10.0.0.0/16', '10.1.0.0/16').lookup(parseIpv4('10.2.0.0')!),
    undefined,
    'a fork has no value',
  );
});

test('PrefixMap.set() returns what it replaces', () => {
  const map = new PrefixMap<string>(4);
  assert.equal(map.set(parsePrefix('10.0.0.0/8')!, 'a'), undefined);
  assert.equal(map.set(parsePrefix('10.0.0.0/8')!, 'b'), 'a');
  assert.equal(map.size, 1);
});

for (const addressBytes of [4, 16]) {
  test(`PrefixMap of ${8 * addressBytes} bits agrees with a list`, () => {
    const command = fc.record({
      removes: fc.boolean(),
      prefix: prefixOf(addressBytes),
      value: fc.integer({ min: 0, max: 9 }),
    });
    const probes = fc.array(addressOf(addressBytes), { minLength: 5, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), probes, (commands, addresses) => {
        const map = new PrefixMap<number>(addressBytes);
        const list = new Map<string, { prefix: Prefix; value: number }>();
        for (const { removes, prefix, value } of commands) {
          const key = formatPrefix(prefix);
          const before = list.get(key)?.value;
          assert.equal(map.get(prefix), before);
          assert.equal(removes ? map.delete(prefix) : map.set(prefix, value), before);
          if (removes) list.delete(key);
          else list.set(key, { prefix, value });
        }
        assert.equal(map.size, list.size);
        const entries = new Map(
          [...map.entries()].map(([one, value]) => [formatPrefix(one), value]),
        );
        assert.deepEqual(entries, new Map([...list].map(([key, { value }]) => [key, value])));
        const ends = [...list.values()].map(({ prefix }) => prefix.bytes);
        for (const address of [...addresses, ...ends]) {
          const shifted = Uint8Array.of(1, 2, 3, ...address);
          assert.equal(map.lookup(shifted, 3), longestMatch([...list.values()], address));
        }
      }),
      { numRuns: 500 },
    );
  });
}

function longestMatch(
  list: readonly { prefix: Prefix; value: number }[],
  address: Uint8Array,
): number | undefined {
  return list
    .filter(({ prefix }) => prefixContains(prefix, address))
    .sort((a, b) => b.prefix.bits - a.prefix.bits)[0]?.value;
}

/** Addresses of few different bytes, so that prefixes nest and meet. */
function addressOf(bytes: number): fc.Arbitrary<Uint8Array> {
  const byte = fc.constantFrom(0, 1, 0x7f, 0x80, 0xfe, 0xff);
  return fc.array(byte, { minLength: bytes, maxLength: bytes }).map((all) => Uint8Array.from(all));
}

function prefixOf(bytes: number): fc.Arbitrary<Prefix> {
  const bits = fc.oneof(
    fc.integer({ min: 0, max: 8 * bytes }),
    fc.constantFrom(0, 8, 9, 16, 8 * bytes),
  );
  return fc.tuple(addressOf(bytes), bits).map(([address, length]) => maskedPrefix(address, length));
}

function mapOf(...prefixes: readonly string[]): PrefixMap<string> {
  const map = new PrefixMap<string>(4);
  for (const prefix of prefixes) map.set(parsePrefix(prefix)!, prefix);
  return map;
}
