// 20 processes make 5,000 networks, of 8,192 ids that there are.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ETCD_MISSING } from '../fakes/etcd.ts';
import { IdsScene } from '../fakes/ids-scene.ts';

const NETWORKS = 5_000;

test('no id is given out twice, through kills of servers and members, an export and an import', {
  skip: ETCD_MISSING ?? false,
}, async (context) => {
  const options = { makers: 20, networks: NETWORKS, killEveryMs: 3_000, kills: 5 };
  const outcome = await IdsScene.run(options);
  context.diagnostic(JSON.stringify(outcome));
  assert.equal(outcome.made, NETWORKS);
});
