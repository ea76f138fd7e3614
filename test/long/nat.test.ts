// Hosts behind routers that translate addresses: each keeps a session with every host that can be
// reached, and two of them find each other where the server sees them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Site, SKIP_REASON, until } from '../e2e/site.ts';

interface Host {
  readonly name: string;
  readonly observed_endpoints: readonly string[];
  readonly path?: { readonly state: string; readonly endpoint?: string };
}

describe('hosts behind NATs', { skip: SKIP_REASON, timeout: 120_000 }, () => {
  test('reach all others, and each other directly', async (context) => {
    const site = await Site.create(context);
    const one = await site.addHost('one');
    await one.start();
    const hidden = [await site.addHiddenHost('two'), await site.addHiddenHost('three')];
    for (const host of hidden) await host.join(one);
    const seen = async (): Promise<string[]> =>
      (await one.json<Host[]>('hosts', 'list')).flatMap((host) => [...host.observed_endpoints]);
    await until('the server sees both', async () => (await seen()).length === 2);
    const places = await seen();
    for (const [index, host] of hidden.entries()) {
      // The private address of the other is its own as well, and leads nowhere.
      const place = places[1 - index];
      await until('it reaches the other', async () => {
        const others = (await host.json<Host[]>('hosts', 'list')).filter(
          ({ path }) => path?.state !== 'self',
        );
        return others.every(({ path }) => path?.state === 'reached');
      });
      const list = await host.json<Host[]>('hosts', 'list');
      const paths = list.map(({ path }) => path?.endpoint);
      assert.ok(paths.includes(place), `${paths.join(' ')} lacks ${place}`);
      assert.ok(paths.includes(`${one.underlay}:51820`));
    }
  });
});
