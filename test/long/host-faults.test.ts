// What may befall one host: a copy that is cut off anywhere, a clock that is off by an hour, a full
// disk, its end. After each it has converged with the others, and nothing is lost.

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type LaunchOptions, must, Site, type SiteHost, SKIP_REASON, until } from '../e2e/site.ts';
import { fill, mountSmallDisk } from '../fakes/full-disk.ts';

const SHIFTED_CLOCK = fileURLToPath(new URL('../fakes/shifted-clock.js', import.meta.url));
const HOUR_MS = 3_600_000;
/** The copy is cut off at each multiple of so many bytes. */
const CUT_BYTES = 64;
const HOST_TWO = 'fdaa:0:0:1:1::1';
const HOST_THREE = 'fdaa:0:0:1:2::1';
const HOST_FOUR = 'fdaa:0:0:1:3::1';

interface Scene {
  readonly site: Site;
  readonly one: SiteHost;
  readonly two: SiteHost;
}

describe('a host', { skip: SKIP_REASON, timeout: 900_000 }, () => {
  test('becomes whole again from a copy cut off at every 64th byte', async (t) => {
    const { one, two } = await scene(t);
    const copy = join(two.stateDir, 'copy.json');
    await two.kill('SIGTERM');
    const whole = readFileSync(copy);
    let cuts = 0;
    for (let cut = 0; cut < whole.byteLength; cut += CUT_BYTES) {
      writeFileSync(copy, whole.subarray(0, cut));
      await two.start();
      await converged(one, two);
      await two.kill();
      cuts += 1;
    }
    assert.deepEqual(await records(one), ['one one started', 'two two started']);
    assert.equal(two.log.match(/copy of the registry is damaged/g)?.length, cuts);
    t.diagnostic(`${cuts} cuts of ${whole.byteLength} bytes`);
  });

  for (const [what, shiftMs] of [
    ['an hour ahead', HOUR_MS],
    ['an hour behind', -HOUR_MS],
  ] as const) {
    test(`whose clock is ${what} goes on, and so when it is set right`, async (t) => {
      const { site, one, two } = await scene(t);
      for (const host of [two, one]) {
        for (const shift of [shiftMs, 0]) {
          await host.kill();
          await host.start(shifted(shift));
          await converged(one, two);
          await runs(one, host, `${host.name}-${shift === 0 ? 'right' : 'wrong'}`);
          assert.deepEqual(await absent(one), []);
        }
      }
      await one.kill();
      await one.start(shifted(shiftMs));
      const three = await site.addHost('three');
      await three.start(shifted(shiftMs), '--join', await one.invite());
      await until('a host joins then', () => pings(two, HOST_THREE));
      await one.kill();
      await one.start();
      const four = await site.addHost('four');
      // The invite is good for an hour by the clock of its server.
      await four.start(shifted(shiftMs), '--join', await one.invite());
      await until('a host joins whose clock alone is wrong', () => pings(two, HOST_FOUR));
    });
  }

  test('with a full disk goes on, and writes again when there is room', async (t) => {
    const site = await Site.running(1, t);
    const one = site.hosts[0] as SiteHost;
    const two = await site.addHost('two');
    await must('mkdir', two.stateDir);
    await mountSmallDisk(two.stateDir);
    try {
      await two.join(one);
      await furnish(one, two);
      fill(join(two.stateDir, 'filler'));
      const words = ['--app', 'web', '--name', 'more', '--detach', '--', 'sleep', '600'];
      const refused = await two.ctl('instances', 'run', ...words);
      assert.notEqual(refused.code, 0);
      // What the site tells is heard and served although it cannot be kept.
      await run(one, 'late');
      await until('the host names it', async () => (await named(two)).length === 3);
      assert.ok(await pings(one, HOST_TWO));
      await two.kill();
      await two.start();
      await until('it starts all the same', async () => (await named(two)).length === 3);
      // The copy is written a moment after it has changed.
      await until('the log says why nothing is kept', async () => /ENOSPC/.test(two.log));
      rmSync(join(two.stateDir, 'filler'));
      await runs(one, two, 'again');
      assert.deepEqual(await absent(one), []);
    } finally {
      await two.kill();
      await must('umount', '-l', two.stateDir);
    }
  });

  test('that is gone loses its names while servers are there, and has them again', async (t) => {
    const { one, two, site } = await scene(t);
    const three = await site.addHost('three');
    await three.join(one);
    await run(three, 'three');
    for (const host of [one, three]) {
      await until('all are named', async () => (await named(host)).length === 3);
    }
    await two.kill();
    for (const host of [one, three]) {
      await until('its names leave', async () => (await named(host)).length === 2);
    }
    assert.deepEqual(await absent(one), ['two']);
    assert.match((await three.must('hosts', 'list')).stdout, /two .*absent/);
    assert.equal((await records(one)).length, 3, 'its instances stay on record');
    await two.start();
    for (const host of [one, two, three]) {
      await until('they are back', async () => (await named(host)).length === 3);
    }
    // Nobody decides that a host is absent while no server is there.
    await one.kill();
    await two.kill();
    await new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
    assert.equal((await named(three)).length, 3);
  });
});

/** Longer than a lease and the pause after its end. */
const SILENCE_MS = 30_000;

/** A server and a host, with an instance of one app on each, which both hosts name. */
async function scene(t: TestContext): Promise<Scene> {
  const site = await Site.running(2, t);
  const [one, two] = site.hosts as [SiteHost, SiteHost];
  await furnish(one, two);
  return { site, one, two };
}

async function furnish(one: SiteHost, two: SiteHost): Promise<void> {
  await one.must('apps', 'create', 'web', '--network', 'blue');
  for (const host of [one, two]) await run(host, host.name);
  await converged(one, two);
}

async function converged(one: SiteHost, two: SiteHost): Promise<void> {
  for (const host of [one, two]) {
    await until(`${host.name} names both`, async () => (await named(host)).length === 2);
  }
  await until('they reach each other', () => pings(one, HOST_TWO));
  await until('the registry has both', async () => (await records(one)).length === 2);
}

async function run(host: SiteHost, name: string): Promise<void> {
  const words = ['--app', 'web', '--name', name, '--detach', '--', 'sleep', 'infinity'];
  await host.must('instances', 'run', ...words);
}

/** An instance comes to the registry from `host`, and goes. */
async function runs(server: SiteHost, host: SiteHost, name: string): Promise<void> {
  await run(host, name);
  const record = `${name} ${host.name} started`;
  await until('it is on record', async () => (await records(server)).includes(record));
  await host.must('instances', 'remove', '--force', name);
  await until('it is gone', async () => !(await records(server)).join().includes(name));
}

/** What the server has on record of instances. */
async function records(server: SiteHost): Promise<readonly string[]> {
  type Instance = { readonly name: string; readonly host: string; readonly state: string };
  const instances = await server.json<Instance[]>('instances', 'list');
  return instances.map(({ name, host, state }) => `${name} ${host} ${state}`).sort();
}

/** The addresses behind the app's name on this host. */
async function named(host: SiteHost): Promise<readonly string[]> {
  const words = ['dns', 'lookup', 'web.internal', '--network', 'blue'];
  const { records } = await host.json<{ records: { data: string }[] }>(...words);
  return records.map(({ data }) => data);
}

/** The hosts that a server does not hear of. */
async function absent(server: SiteHost): Promise<readonly string[]> {
  type Host = { readonly name: string; readonly liveness: string };
  const hosts = await server.json<Host[]>('hosts', 'list');
  return hosts.filter(({ liveness }) => liveness === 'absent').map(({ name }) => name);
}

async function pings(host: SiteHost, target: string): Promise<boolean> {
  return (await host.exec('ping', '-6', '-c', '1', '-W', '1', target)).code === 0;
}

function shifted(shiftMs: number): LaunchOptions {
  const environment = { NODE_OPTIONS: `--import=${SHIFTED_CLOCK}`, CLOCK_SHIFT_MS: `${shiftMs}` };
  return { environment };
}
