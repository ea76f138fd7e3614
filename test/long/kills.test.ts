// A server killed -9 right before and right after the commit of each kind of write.

import { testKills } from '../fakes/kill-scene.ts';

testKills(['before', 'after']);
