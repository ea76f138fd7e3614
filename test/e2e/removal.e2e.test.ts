// Taking a host out of the site: its packets end, its record goes, and it does not join again by
// itself.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Site, type SiteHost, SKIP_REASON, until } from './site.ts';

const HOST_ONE = 'fdaa::1:0:0:0:1';

describe('a removed host', { skip: SKIP_REASON, timeout: 60_000 }, () => {
  test('reaches nobody, and its place is not taken up again', async (context) => {
    const site = await Site.running(2, context);
    const [one, two] = site.hosts as [SiteHost, SiteHost];
    await until('the hosts reach each other', () => pings(two));
    assert.equal((await two.ctl('hosts', 'remove', 'two')).code, 1);
    await one.must('hosts', 'remove', 'two');
    await until('the removed host is shut out', async () => !(await pings(two)));
    const hosts = await one.json<{ name: string }[]>('hosts', 'list');
    assert.deepEqual(
      hosts.map(({ name }) => name),
      ['one'],
    );
    await two.kill('SIGTERM');
    const again = await one.invite();
    assert.equal(await two.launch(['--join', again]), 1);
    assert.match(two.log, /ALREADY_JOINED/);
    const three = await site.addHost('three');
    const stateDir = `${two.stateDir}-new`;
    void three.launch(['--join', again], { stateDir });
    await until('the new host reaches the server', () => pings(three));
  });
});

async function pings(host: SiteHost): Promise<boolean> {
  return (await host.exec('ping', '-6', '-c', '1', '-W', '1', HOST_ONE)).code === 0;
}
