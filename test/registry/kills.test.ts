// A server killed -9 in the middle of each kind of write; test/long/kills.test.ts kills around it
// too.

import { testKills } from '../fakes/kill-scene.ts';

testKills(['during']);
