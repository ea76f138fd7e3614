// A short run of what test/long/ids.test.ts does at length.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ETCD_MISSING } from '../fakes/etcd.ts';
import { IdsScene } from '../fakes/ids-scene.ts';

test('no id is given out twice, through kills, an export and an import', {
  skip: ETCD_MISSING ?? false,
}, async () => {
  const outcome = await IdsScene.run({ makers: 4, networks: 160, killEveryMs: 300, kills: 1 });
  assert.equal(outcome.made, 160);
});
