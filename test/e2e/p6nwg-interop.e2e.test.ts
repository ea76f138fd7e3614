// p6nwg and every wireguard-go of this machine: both roles, both families inside and outside.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SKIP } from './namespaces.ts';
import { WIREGUARD_GOES } from './p6nwg.ts';
import { startPair } from './p6nwg-pair.ts';

const NO_OTHER = WIREGUARD_GOES.length === 0 && 'needs wireguard-go';
const OPTIONS = { skip: SKIP || NO_OTHER, timeout: 120_000 };
const PORT = 51_820;

for (const [number, program] of WIREGUARD_GOES.entries()) {
  test(`wireguard-go ${number}: both roles, both families`, OPTIONS, async (t) => {
    for (const [begins, endpoint] of [
      ['ours', '10.9.0.2'],
      ['theirs', '[2001:db8:9::1]'],
    ] as const) {
      const { a, b, ours, theirs } = await startPair(t, program);
      if (begins === 'ours') ours.set(`peer ${theirs.publicKey} endpoint ${endpoint}:${PORT}`);
      else theirs.set(`peer ${ours.publicKey} endpoint ${endpoint}:${PORT}`);
      const [first, last, of] = begins === 'ours' ? [a, b, [2, 1]] : [b, a, [1, 2]];
      await first.runAsync(`ping -c 3 -i 0.1 -W 2 10.77.0.${of[0]}`);
      await last.runAsync(`ping -6 -c 3 -i 0.1 -W 2 fd77::${of[1]}`);
      assert.match(ours.show('latest-handshakes'), /\t[1-9]\d+$/);
      assert.match(theirs.show('latest-handshakes'), /\t[1-9]\d+$/);
    }
  });
}
