// Which offloads a person leaves on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_OFFLOADS, NO_OFFLOADS, parseOffloads } from '../../src/os/offloads.ts';

test('a list names the offloads that stay on', () => {
  assert.deepEqual(parseOffloads(undefined), ALL_OFFLOADS);
  assert.deepEqual(parseOffloads(''), ALL_OFFLOADS);
  assert.deepEqual(parseOffloads('none'), NO_OFFLOADS);
  assert.deepEqual(parseOffloads('tun-tcp,udp-gro'), {
    ...NO_OFFLOADS,
    tunTcp: true,
    udpGro: true,
  });
  assert.deepEqual(parseOffloads('tun-udp'), { ...NO_OFFLOADS, tunUdp: true });
  assert.deepEqual(parseOffloads('udp-gso'), { ...NO_OFFLOADS, udpGso: true });
});

test('a name that is no offload is an error', () => {
  for (const text of ['tso', 'tun-tcp,', 'none,tun-tcp', 'toString']) {
    assert.throws(() => parseOffloads(text), { code: 'VALUE_INVALID' }, text);
  }
});
