// Faults that take a while: a server whose disk is full, an etcd without a majority, a server that
// is cut off. After each everything has converged and nothing is lost.

import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { includesAll, networkNames, pings, runEtcdSite, setLink } from '../e2e/etcd-site.ts';
import { must, Site, SKIP_REASON, until } from '../e2e/site.ts';
import { ETCD_MISSING } from '../fakes/etcd.ts';
import { fill, mountSmallDisk } from '../fakes/full-disk.ts';

describe('a server with its registry in a file', { skip: SKIP_REASON, timeout: 120_000 }, () => {
  test('takes no writes while its disk is full, and all again afterwards', async (context) => {
    const site = await Site.create(context);
    const one = await site.addHost('one');
    mkdirSync(one.stateDir);
    await mountSmallDisk(one.stateDir);
    try {
      await one.start();
      await one.must('networks', 'create', 'before');
      const filler = join(one.stateDir, 'filler');
      fill(filler);
      const made = ['before'];
      const refusals: string[] = [];
      for (let number = 0; refusals.length === 0; number++) {
        assert.ok(number < 1_000, 'the disk is never full');
        const { code, stderr } = await one.ctl('networks', 'create', `n${number}`);
        if (code === 0) made.push(`n${number}`);
        else refusals.push(stderr);
      }
      assert.match(refusals.join(), /REGISTRY_UNAVAILABLE/);
      const address = 'fdaa::1:0:0:0:1';
      assert.equal((await one.exec('ping', '-6', '-c', '1', '-W', '2', address)).code, 0);
      rmSync(filler);
      await one.must('networks', 'create', 'after');
      await one.kill();
      await one.start();
      const names = await networkNames(one);
      for (const name of [...made, 'after']) assert.ok(names.includes(name), `${name} is lost`);
    } finally {
      await one.kill();
      await must('umount', '-l', one.stateDir);
    }
  });
});

const skip = SKIP_REASON || (ETCD_MISSING ?? false);

describe('servers on one etcd', { skip, timeout: 120_000 }, () => {
  test('lose nothing by the loss of a majority, nor by the end of one of them', async (context) => {
    const { cluster, hosts, flags } = await runEtcdSite(context);
    const [one, two, three] = hosts;
    await until('the host reaches both servers', async () => (await pings(three)) === 2);
    await two.must('networks', 'create', 'before');

    // No majority: nothing is written, and what runs goes on.
    const leader = cluster.leader();
    const second = (leader + 1) % cluster.size;
    await cluster.killMember(leader);
    await cluster.killMember(second);
    const refused = await one.ctl('networks', 'create', 'without-majority');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /REGISTRY_UNAVAILABLE/);
    assert.equal(await pings(three), 2);
    const registry = async (): Promise<string> =>
      /^registry +(.*)$/m.exec((await one.must('status')).stdout)?.[1] ?? '';
    await until('the registry is said to be away', async () =>
      /^unavailable for \d+/.test(await registry()),
    );
    cluster.startMember(second);
    await until('writes are taken again', async () => {
      const { code, stderr } = await one.ctl('networks', 'create', 'with-majority');
      return code === 0 || stderr.includes('NAME_TAKEN');
    });
    assert.ok(includesAll(['before', 'with-majority'], await networkNames(two)));
    await until('the registry is said to be back', async () => (await registry()) === 'serving');

    // One server is killed; the other goes on, and the host with it.
    await one.kill();
    await two.must('networks', 'create', 'by-two-alone');
    await one.start(...flags);
    await until('the server has converged', async () =>
      includesAll(['by-two-alone'], await networkNames(one)),
    );
  });

  test('go on without one that is cut off, which converges when it is back', async (context) => {
    const { hosts } = await runEtcdSite(context);
    const [one, two] = hosts;
    await setLink(one, 'down');
    await two.must('networks', 'create', 'behind-its-back');
    const refused = await one.ctl('networks', 'create', 'cut-off');
    assert.match(refused.stderr, /REGISTRY_UNAVAILABLE/);
    await setLink(one, 'up');
    await until('the server has converged', async () =>
      includesAll(['behind-its-back'], await networkNames(one)),
    );
    await one.must('networks', 'create', 'back');
    assert.ok(includesAll(['back', 'behind-its-back'], await networkNames(two)));
  });
});
