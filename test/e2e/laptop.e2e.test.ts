// A laptop in a network: what p6nctl prints is applied as it is, names and packets reach both
// hosts, forgeries reach nothing, and a removal cuts it off.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Laptop, NO_WG_QUICK } from './laptop.ts';
import { Site, type SiteHost, SKIP_REASON, until } from './site.ts';

const SLEEP = ['--detach', '--', 'sleep', 'infinity'];

describe('a laptop', { skip: SKIP_REASON || NO_WG_QUICK, timeout: 120_000 }, () => {
  let site: Site;
  let one: SiteHost;
  let two: SiteHost;
  let laptop: Laptop;

  before(async () => {
    site = await Site.running(2);
    [one, two] = site.hosts as [SiteHost, SiteHost];
    await one.must('apps', 'create', 'web', '--network', 'blue');
    for (const host of [one, two]) {
      await host.must('instances', 'run', '--app', 'web', '--name', `web-${host.name}`, ...SLEEP);
    }
    laptop = await Laptop.create(site, 'anna');
  });

  after(async () => {
    await laptop?.down();
    await site?.remove();
  });

  test('it reaches instances on both hosts by name', async () => {
    assert.doesNotMatch((await one.exec('ss', '-uln')).stdout, /:51821/, 'no socket before it');
    const { stdout } = await one.must('wireguard', 'create', 'anna', '--network', 'blue');
    await laptop.up(stdout);
    for (const region of ['ams', 'fra']) {
      await until(`names of ${region}`, async () => (await ping(`${region}.web.internal`)) === 0);
    }
    const { stdout: own } = await laptop.exec('dig', '+short', 'AAAA', 'anna._peer.internal');
    assert.equal(own.trim(), await addressOf());
    const { stdout: pointer } = await laptop.exec('dig', '+short', '-x', own.trim());
    assert.equal(pointer.trim(), 'anna._peer.internal.');
  });

  test('it sends from no other address, which is counted', async () => {
    const before = await drops('device-source-not-allowed');
    const other = (await addressOf()).replace(/1$/, '2');
    const link = ['dev', laptop.interfaceName];
    await laptop.exec('ip', '-6', 'address', 'add', `${other}/128`, ...link, 'nodad');
    assert.notEqual(await ping(await instance(), '-n', '-I', other), 0);
    assert.ok((await drops('device-source-not-allowed')) > before);
    await laptop.exec('ip', '-6', 'address', 'del', `${other}/128`, ...link);
  });

  test('it is cut off by its removal, and nobody is listened to any more', async () => {
    const target = await instance();
    assert.equal(await ping(target, '-n'), 0);
    await one.must('wireguard', 'remove', 'anna', '--network', 'blue');
    await until('the end of the gateway', async () => {
      return !(await one.exec('ss', '-uln')).stdout.includes(':51821');
    });
    assert.notEqual(await ping(target, '-n'), 0);
  });

  async function ping(target: string, ...words: readonly string[]): Promise<number> {
    return (await laptop.exec('ping', '-6', '-c', '1', '-W', '1', ...words, target)).code;
  }

  async function instance(): Promise<string> {
    const { instances } = await one.client.instances.list({ app: 'web' });
    return instances[0]?.address ?? '';
  }

  async function addressOf(): Promise<string> {
    const [peer] = (await one.client.wireguard.list({ network: 'blue' })).peers;
    return peer?.address ?? '';
  }

  async function drops(name: string): Promise<number> {
    return (await one.client.host.status()).drops[name] ?? 0;
  }
});
