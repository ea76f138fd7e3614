// Memory at addresses that are small integers, which calls with them need no allocation for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChachaScratch } from '../../src/os/linux/crypto/chacha-cipher.ts';
import { bindChacha } from '../../src/os/linux/crypto/openssl-functions.ts';
import { addressOf, memoryAt } from '../../src/os/linux/ffi.ts';
import { lastingMemory } from '../../src/os/linux/low-memory.ts';
import { nativeSummedSlab } from '../../src/os/linux/slab.ts';

const SMALL_INTEGERS: number = 2 ** 31;
const LENGTH = 200_000;

test('a slab with sums has an address that is a small integer, of the same memory', () => {
  const { slab } = nativeSummedSlab(LENGTH);
  assert.ok(slab.address + LENGTH <= SMALL_INTEGERS);
  const native = memoryAt(slab.address, LENGTH);
  assert.ok(native.every((byte) => byte === 0));
  slab.bytes[0] = 1;
  slab.view.setUint8(LENGTH - 1, 2);
  native[1] = 3;
  assert.deepEqual([native[0], native[LENGTH - 1], slab.bytes[1]], [1, 2, 3]);
});

test('slabs with sums stand apart', () => {
  const slabs = Array.from({ length: 8 }, () => nativeSummedSlab(LENGTH).slab);
  for (const [i, { bytes }] of slabs.entries()) bytes.fill(i + 1);
  for (const [i, { address }] of slabs.entries()) {
    assert.ok(memoryAt(address, LENGTH).every((byte) => byte === i + 1));
  }
});

test('what ciphers hand to native code stands at small integers', () => {
  const scratch = new ChachaScratch(bindChacha()!);
  const addresses = Object.entries(scratch).filter(([name]) => name.endsWith('Address'));
  assert.equal(addresses.length, 5);
  for (const [name, address] of addresses) assert.ok(address < SMALL_INTEGERS, name);
});

test('lasting memory is zeroed', () => {
  const memory = lastingMemory(LENGTH);
  assert.ok(addressOf(memory) < SMALL_INTEGERS);
  assert.ok(memory.every((byte) => byte === 0));
});
