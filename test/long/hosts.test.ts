// What takes longer in the life of hosts: another key of the site, draining, and a change of a
// host's key that another host keeps from its end.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { StatusView } from '../../src/api/contract/status.ts';
import { Site, type SiteHost, SKIP_REASON, until } from '../e2e/site.ts';

const HOST_ONE = 'fdaa:0:0:1::1';
const HOST_TWO = 'fdaa:0:0:1:1::1';
const NEVER_READY = fileURLToPath(new URL('../fakes/never-ready.js', import.meta.url));
/** A minute, and some. */
const GIVEN_UP_LIMIT_MS = 100_000;

describe('hosts', { skip: SKIP_REASON, timeout: 240_000 }, () => {
  let site: Site;
  let one: SiteHost;
  let two: SiteHost;

  before(async () => {
    site = await Site.running(2);
    [one, two] = site.hosts as [SiteHost, SiteHost];
  });
  after(() => site.remove());

  test('go on through another key of the site, and new ones join by it', async () => {
    assert.equal((await two.ctl('site', 'rotate')).code, 1);
    const { site: rotated, signed } = await one.json<{
      signed: number;
      site: { keys: { public_key: string }[] };
    }>('site', 'rotate');
    assert.equal(signed, 2);
    assert.equal(rotated.keys.length, 2);
    assert.deepEqual(await two.json('site', 'show'), rotated);
    await one.kill('SIGTERM');
    await one.start();
    const four = await site.addHost('four');
    await four.join(one);
    await until('the new host reaches the others', () => pings(four, HOST_TWO));
    await until('the old ones reach each other', () => pings(two, HOST_ONE));
    assert.doesNotMatch(two.log, /record is refused/);
  });

  test('are drained: their names go, then their instances', async () => {
    await one.must('apps', 'create', 'web');
    for (const host of [one, two]) {
      await host.must('instances', 'run', '--app', 'web', '--detach', '--', 'sleep', '600');
    }
    const addresses = async (host: SiteHost): Promise<number> => {
      const { records } = await host.json<{ records: unknown[] }>('dns', 'lookup', 'web.internal');
      return records.length;
    };
    await until('both instances are named', async () => (await addresses(one)) === 2);
    await one.must('hosts', 'drain', 'two');
    for (const host of [one, two]) {
      await until('the names of one are gone', async () => (await addresses(host)) === 1);
    }
    const states = async (): Promise<string[]> => {
      const list = await one.json<{ host: string; state: string }[]>('instances', 'list');
      return list.filter(({ host }) => host === 'two').map(({ state }) => state);
    };
    assert.deepEqual(await states(), ['started']);
    await until('the instance has stopped', async () => (await states())[0] === 'stopped');
    const refused = await two.ctl('instances', 'run', '--app', 'web', '--', 'true');
    assert.match(refused.stderr, /HOST_DRAINED/);
    await one.must('hosts', 'undrain', 'two');
    await until('instances run again', async () => {
      return (await two.ctl('instances', 'run', '--app', 'web', '--', 'true')).code === 0;
    });
  });

  test('give a change of their key up when another one never gets ready for it', async () => {
    const three = await site.addHost('three');
    const environment = { NODE_OPTIONS: `--import=${NEVER_READY}` };
    await three.start('--join', await one.invite(), { environment });
    const generation = async (): Promise<number | undefined> => {
      const { hosts } = await one.client.hosts.list();
      return hosts.find(({ name }) => name === 'two')?.key_generation;
    };
    const change = async () => (await two.json<StatusView>('status')).key_change;
    const rotation = two.ctl('hosts', 'rotate-key');
    await until('the status names it', async () => (await change())?.missing.join() === 'three');
    await until('it is given up', async () => (await change()) === undefined, GIVEN_UP_LIMIT_MS);
    const { stderr } = await rotation;
    assert.match(stderr, /HOSTS_NOT_READY/);
    assert.match(stderr, /"three"/);
    assert.equal(await generation(), 1);
    await two.must('hosts', 'rotate-key', '--force');
    assert.equal(await generation(), 2);
    await until('it is reached by its new key', () => pings(three, HOST_TWO));
  });
});

async function pings(host: SiteHost, target: string): Promise<boolean> {
  return (await host.exec('ping', '-6', '-c', '1', '-W', '1', target)).code === 0;
}
