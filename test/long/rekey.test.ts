// A session as long as sessions are: wireguard-go begins, and renews it when its two minutes are
// over, under traffic in both directions.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { untilAllAnswered } from '../e2e/echoes.ts';
import { SKIP } from '../e2e/namespaces.ts';
import { WIREGUARD_GOES } from '../e2e/p6nwg.ts';
import { startPair } from '../e2e/p6nwg-pair.ts';

const OPTIONS = { skip: SKIP || (WIREGUARD_GOES.length === 0 && 'needs wireguard-go') };
const PORT = 51_820;
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
}
