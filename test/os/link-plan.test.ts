// Which changes bring an interface into its state: none for what is right already.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ipv6Address } from '../../src/ip/ipv6-address.ts';
import type { LinkSettings } from '../../src/os/links.ts';
import { type IpState, planLink } from '../../src/os/linux/link-plan.ts';

const WANTED: LinkSettings = {
  namespace: undefined,
  name: 'p6n0',
  mtu: 1420,
  addresses: [
    { address: 'fdaa::3' as Ipv6Address, preferred: false },
    { address: 'fdaa:0:0:1::1' as Ipv6Address, preferred: true },
  ],
  routes: ['fdaa::/16'],
  exclusive: false,
};

const RIGHT: IpState = {
  link: { flags: ['UP', 'NOARP'], mtu: 1420, inet6_addr_gen_mode: 'none' },
  addresses: [
    { local: 'fdaa::3', prefixlen: 128, scope: 'global', preferred_life_time: 0 },
    { local: 'fdaa:0:0:1::1', prefixlen: 128, scope: 'global', preferred_life_time: 4294967295 },
  ],
  routes: [
    { dst: 'fdaa::3', protocol: 'kernel' },
    { dst: 'fdaa::/16', protocol: 'boot' },
  ],
  loopback: undefined,
};

test('planLink changes nothing that is right', () => {
  assert.deepEqual(planLink(RIGHT, WANTED), []);
});

test('planLink sets up an interface that was just made', () => {
  const state = {
    link: { flags: [], mtu: 1500 },
    addresses: [],
    routes: [],
    loopback: { flags: [] },
  };
  assert.deepEqual(planLink(state, WANTED), [
    'link set dev lo up',
    'link set dev p6n0 addrgenmode none',
    'link set dev p6n0 mtu 1420',
    'link set dev p6n0 up',
    'addr add fdaa::3/128 dev p6n0 nodad preferred_lft 0',
    'addr add fdaa:0:0:1::1/128 dev p6n0 nodad',
    'route add fdaa::/16 dev p6n0',
  ]);
});

test('planLink makes again an address with the wrong lifetime or without use', () => {
  for (const wrong of [{ preferred_life_time: 9 }, { preferred_life_time: 0, tentative: true }]) {
    const [first, second] = RIGHT.addresses;
    const state = { ...RIGHT, addresses: [{ ...first, ...wrong }, second ?? {}] };
    assert.deepEqual(planLink(state, WANTED), [
      'addr del fdaa::3/128 dev p6n0',
      'addr add fdaa::3/128 dev p6n0 nodad preferred_lft 0',
    ]);
  }
});

test('planLink removes other global addresses and routes, not what the kernel made', () => {
  const state = {
    ...RIGHT,
    addresses: [
      ...RIGHT.addresses,
      { local: 'fdaa:0:0:1::9', prefixlen: 128, scope: 'global' },
      { local: 'fe80::1', prefixlen: 64, scope: 'link' },
    ],
    routes: [...RIGHT.routes, { dst: 'fdaa:0:18::/48', protocol: 'static' }],
  };
  assert.deepEqual(planLink(state, WANTED), [
    'addr del fdaa:0:0:1::9/128 dev p6n0',
    'route del fdaa:0:18::/48 dev p6n0',
  ]);
});

test('planLink compares prefixes in any spelling', () => {
  const wanted = { ...WANTED, routes: ['FDAA:0::/16'] };
  assert.deepEqual(planLink(RIGHT, wanted), []);
});
