// Addresses that answer through one interface alone: what is planned from what is found.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ipv6Address } from '../../src/ip/ipv6-address.ts';
import { planLocalRoutes, planWithoutRules } from '../../src/os/linux/local-routes.ts';

const addresses = ['fdaa::3', 'fdaa:0:0:1::1'] as Ipv6Address[];
const rules = [
  { priority: 0, table: 'local' },
  { priority: 66, iif: 'p6n0', table: '6600' },
  { priority: 66, iif: 'lo', table: '6600' },
];
const own = [{ dst: 'fdaa::3' }, { dst: 'fdaa:0:0:1::1' }];

test('planLocalRoutes() changes nothing that is right', () => {
  assert.deepEqual(planLocalRoutes({ rules, own, kernel: [] }, 'p6n0', addresses), []);
});

test('planLocalRoutes() adds rules and routes before it removes those of the kernel', () => {
  const state = { rules: rules.slice(0, 1), own: own.slice(0, 1), kernel: own };
  assert.deepEqual(planLocalRoutes(state, 'p6n0', addresses), [
    'rule add pref 66 iif p6n0 lookup 6600',
    'rule add pref 66 iif lo lookup 6600',
    'route add local fdaa:0:0:1::1/128 dev p6n0 table 6600',
    'route del local fdaa::3/128 dev p6n0 table local',
    'route del local fdaa:0:0:1::1/128 dev p6n0 table local',
  ]);
});

test('planLocalRoutes() removes routes to addresses that are gone and leaves others alone', () => {
  const state = { rules, own: [...own, { dst: 'fdaa::9' }], kernel: [{ dst: 'fe80::1' }] };
  assert.deepEqual(planLocalRoutes(state, 'p6n0', addresses), [
    'route del local fdaa::9/128 dev p6n0 table 6600',
  ]);
});

test('planWithoutRules() removes exactly the rules that are there', () => {
  assert.deepEqual(planWithoutRules(rules, 'p6n0'), [
    'rule del pref 66 iif p6n0 lookup 6600',
    'rule del pref 66 iif lo lookup 6600',
  ]);
  assert.deepEqual(planWithoutRules(rules.slice(0, 1), 'p6n0'), []);
});
