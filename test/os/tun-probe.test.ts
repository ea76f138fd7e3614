// What a kernel answers to superpackets that it does not take, from a file that refuses like one.

import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { probeTun } from '../../src/os/linux/tun-probe.ts';

const EINVAL = 22;

test('a refusal of the probe is told, anything else is none', () => {
  const refusing = openSync('/proc/self/oom_score_adj', 'w');
  const taking = openSync('/dev/null', 'w');
  for (const isTcp of [true, false]) {
    assert.equal(probeTun(refusing, isTcp), EINVAL);
    assert.equal(probeTun(taking, isTcp), 0);
  }
  closeSync(refusing);
  closeSync(taking);
});
