// Rekeys lose no packet: ours, every few seconds, and that of wireguard-go when the two minutes of
// a session are over, under traffic in both directions.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { untilAllAnswered } from '../e2e/echoes.ts';
import { SKIP, type TestNamespace } from '../e2e/namespaces.ts';
import { WIREGUARD_GOES } from '../e2e/p6nwg.ts';
import { startPair } from '../e2e/p6nwg-pair.ts';

const OPTIONS = { skip: SKIP || (WIREGUARD_GOES.length === 0 && 'needs wireguard-go') };
const PORT = 51_820;
/** Sessions are renewed as soon as a handshake may follow another one, every 5 s. */
const REKEY = { REKEY_AFTER_SECONDS: '1' };
const REKEYS = 4;
/** Parts of the traffic, so that no command runs too long: 7 times 20 s. */
const PARTS = 7;
const PINGS = 1_000;

for (const [number, program] of WIREGUARD_GOES.entries()) {
  test(
    `wireguard-go ${number}: its rekey after two minutes loses no packet`,
    OPTIONS,
    async (t) => {
      const { b, ours, theirs } = await startPair(t, program);
      theirs.set(`peer ${ours.publicKey} endpoint 10.9.0.1:${PORT}`);
      await b.runAsync('ping -c 1 -W 2 10.77.0.1');
      const first = ours.show('latest-handshakes');
      for (let part = 0; part < PARTS; part++) {
        await b.runAsync(`ping -q -c ${PINGS} -i 0.02 10.77.0.1`);
      }
      await untilAllAnswered(b);
      assert.notEqual(ours.show('latest-handshakes'), first, 'there was a rekey');
    },
  );

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
