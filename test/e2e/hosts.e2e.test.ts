// The life of hosts on a site: how they are reached, and other keys.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Site, type SiteHost, SKIP_REASON, until } from './site.ts';

interface Host {
  readonly name: string;
  readonly public_key: string;
  readonly key_generation: number;
  readonly liveness: string;
  readonly last_seen_at?: number;
  readonly path?: {
    readonly state: string;
    readonly round_trip_ms?: number;
    readonly endpoint?: string;
    readonly last_handshake_at?: number;
  };
}

const HOST_ONE = 'fdaa:0:0:1::1';
const HOST_TWO = 'fdaa:0:0:1:1::1';
const PINGS = 300;

describe('hosts', { skip: SKIP_REASON, timeout: 120_000 }, () => {
  let site: Site;
  let one: SiteHost;
  let two: SiteHost;
  let three: SiteHost;

  before(async () => {
    site = await Site.running(3);
    [one, two, three] = site.hosts as [SiteHost, SiteHost, SiteHost];
  });
  after(() => site.remove());

  test('are shown with how they are reached, also those that are not', async () => {
    await until('all are heard of', async () =>
      (await hostsOf(two)).every(({ liveness }) => liveness === 'alive'),
    );
    const [first, self, third] = await hostsOf(two);
    assert.equal(self?.path?.state, 'self');
    for (const [host, underlay] of [
      [first, one.underlay],
      [third, three.underlay],
    ] as const) {
      assert.equal(host?.path?.state, 'reached');
      assert.ok((host.path.round_trip_ms ?? -1) >= 0);
      assert.equal(host.path.endpoint, `${underlay}:51820`);
      assert.ok(host.path.last_handshake_at);
      assert.ok(host.last_seen_at);
    }
    await three.kill();
    assert.equal((await hostsOf(two))[2]?.path?.state, 'no path');
    assert.match((await two.must('hosts', 'list')).stdout, /three .* no path/);
    await three.start();
  });

  test('change their keys without the loss of a packet', async () => {
    const before = (await hostsOf(one)).map(({ public_key }) => public_key);
    for (const [host, target] of [
      [one, HOST_TWO],
      [three, HOST_TWO],
      [two, HOST_ONE],
    ] as const) {
      await until('hosts reach each other', () => pings(host, target));
    }
    const pinging = [
      ping(one, HOST_TWO),
      ping(three, HOST_TWO),
      ping(two, HOST_ONE),
      ping(three, HOST_ONE),
    ];
    await two.must('hosts', 'rotate-key');
    await one.must('hosts', 'rotate-key');
    for (const lost of await Promise.all(pinging)) assert.equal(lost, '0% packet loss');
    const after = await hostsOf(three);
    assert.deepEqual(
      after.map(({ key_generation }) => key_generation),
      [2, 2, 1],
    );
    assert.notEqual(after[0]?.public_key, before[0]);
    assert.notEqual(after[1]?.public_key, before[1]);
    // The keys are on disk, and the last ones are nobody's.
    await two.kill('SIGTERM');
    await two.start();
    await until('the host is back by its new key', () => pings(three, HOST_TWO));
    for (const host of [one, two, three]) {
      const { peers } = await host.json<{ peers: { public_key: string }[] }>('status');
      assert.equal(peers.length, 2);
      assert.ok(peers.every(({ public_key }) => !before.slice(0, 2).includes(public_key)));
    }
  });
});

function hostsOf(host: SiteHost): Promise<Host[]> {
  return host.json<Host[]>('hosts', 'list');
}

async function pings(host: SiteHost, target: string): Promise<boolean> {
  return (await host.exec('ping', '-6', '-c', '1', '-W', '1', target)).code === 0;
}

/** What of many pings, one every 10 ms, was lost. */
async function ping(host: SiteHost, target: string): Promise<string | undefined> {
  const words = ['-6', '-q', '-i', '0.01', '-c', String(PINGS), '-W', '3', target];
  return /[\d.]+% packet loss/.exec((await host.exec('ping', ...words)).stdout)?.[0];
}
