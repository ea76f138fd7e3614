// Several servers on one etcd: a further server joins, each shows what the other writes, and the
// end of etcd's leader loses nothing that was acknowledged.

import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ETCD_MISSING } from '../fakes/etcd.ts';
import { includesAll, networkNames, pings, runEtcdSite } from './etcd-site.ts';
import { type SiteHost, SKIP_REASON, until } from './site.ts';

const skip = SKIP_REASON || (ETCD_MISSING ?? false);

describe('servers on one etcd', { skip, timeout: 120_000 }, () => {
  test('share the site and its key, and lose nothing with the leader', async (context) => {
    const { cluster, hosts } = await runEtcdSite(context);
    const [one, two, three] = hosts;

    // The site's key has come through the tunnel, and stands in no database.
    const file = join(two.stateDir, 'identity.json');
    const secretOf = (host: SiteHost): string =>
      JSON.parse(readFileSync(join(host.stateDir, 'identity.json'), 'utf8')).siteSecretKey;
    assert.equal(secretOf(two), secretOf(one));
    assert.equal(secretOf(three), undefined);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const all = cluster.control(0, 'get', '--prefix', '', '-w', 'json').stdout;
    const values = (JSON.parse(all) as { kvs: { value?: string }[] }).kvs;
    for (const { value } of values) {
      assert.ok(!Buffer.from(value ?? '', 'base64').includes(secretOf(one)));
    }

    await one.must('networks', 'create', 'by-one');
    await two.must('networks', 'create', 'by-two');
    await until('both servers show both networks', async () =>
      includesAll(await networkNames(one), await networkNames(two)),
    );
    await until('the host reaches both servers', async () => (await pings(three)) === 2);

    // Whoever changes the site's key, all servers have it, and sign with it.
    for (const [changing, other] of [
      [one, two],
      [two, one],
    ] as const) {
      await changing.must('site', 'rotate');
      const changed = (): boolean => secretOf(other) === secretOf(changing);
      await until(`${other.name} has the key`, () => Promise.resolve(changed()));
      await until(
        `${other.name} signs`,
        async () => (await other.ctl('hosts', 'invite')).code === 0,
      );
    }

    // A member that leads goes; nothing is lost, and writes go on.
    const leader = cluster.leader();
    await cluster.killMember(leader);
    await two.must('networks', 'create', 'without-leader');
    assert.ok(includesAll(['without-leader'], await networkNames(one)));
  });
});
