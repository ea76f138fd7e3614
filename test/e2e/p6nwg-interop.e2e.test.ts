// p6nwg and every wireguard-go of this machine: both roles, both families inside and outside, and
// rekeys that lose no packet.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { untilAllAnswered } from './echoes.ts';
import { SKIP, type TestNamespace } from './namespaces.ts';
import { WIREGUARD_GOES } from './p6nwg.ts';
import { startPair } from './p6nwg-pair.ts';

const NO_OTHER = WIREGUARD_GOES.length === 0 && 'needs wireguard-go';
const OPTIONS = { skip: SKIP || NO_OTHER, timeout: 120_000 };
const PORT = 51_820;
/** Sessions are renewed as soon as a handshake may follow another one, every 5 s. */
const REKEY = { REKEY_AFTER_SECONDS: '1' };
const REKEYS = 4;

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

  test(`wireguard-go ${number}: ${REKEYS} rekeys of ours lose no packet`, OPTIONS, async (t) => {
    const { a, ours, theirs } = await startPair(t, program, REKEY);
    ours.set(`peer ${theirs.publicKey} endpoint 10.9.0.2:${PORT}`);
    await a.runAsync('ping -c 1 -W 2 10.77.0.2');
    const seen = new Set<string>();
    // Small packets all the time, and a flow of full ones beside them.
    const load = sendLoad(a, REKEYS * 5 + 3);
    while (seen.size <= REKEYS) {
      await a.runAsync('ping -q -c 250 -i 0.004 10.77.0.2');
      seen.add(ours.show('latest-handshakes'));
    }
    await load;
    await untilAllAnswered(a);
  });
}

/** Packets of full size for about some seconds. */
async function sendLoad(namespace: TestNamespace, seconds: number): Promise<void> {
  await namespace.runAsync(`ping -q -w ${seconds} -i 0.005 -s 1392 -M dont 10.77.0.2`);
}
