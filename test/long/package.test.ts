// The Debian package: lintian finds nothing wrong, and what it installs on a fresh copy of this
// machine runs as a service of a systemd that has booted there, and goes again.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { must, run, SKIP_REASON, until } from '../e2e/site.ts';
import { ROOT, readText } from '../house/tree.ts';
import { BOOT_SKIP_REASON, BootedMachine, copyOfMachine } from './booted-machine.ts';
import { isInstalled } from './container-engines.ts';

const skip = SKIP_REASON || (!isInstalled('dpkg-deb') && 'needs dpkg-deb');
const TICKS = 'while sleep 0.2; do echo tick; done';

describe('the Debian package', { skip, timeout: 600_000 }, () => {
  let folder: string;
  let root: string;
  let file: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'p6n-package-'));
    await must('mount', '-t', 'tmpfs', 'p6n-package', folder);
    await must(join(ROOT, 'scripts/package/deb.sh'), folder);
    file = join(folder, readdirSync(folder).find((name) => name.endsWith('.deb')) ?? '');
    root = await copyOfMachine(folder);
    await must('cp', file, join(root, 'p6n.deb'));
  });
  after(async () => {
    await run('umount', '-l', root);
    await run('umount', '-l', folder);
    await run('rmdir', folder);
  });

  test('lintian finds nothing wrong', async (context) => {
    if (!isInstalled('lintian')) return context.skip('no lintian here');
    const { code, stdout } = await run('lintian', '--fail-on', 'error,warning', file);
    assert.equal(code, 0, stdout);
  });

  test('installs, runs and goes where no systemd runs', async () => {
    const mustInside = async (line: string): Promise<string> => {
      const enter = `mount -t proc proc ${root}/proc; mount --rbind /dev ${root}/dev; exec chroot`;
      const words = ['sh', '-ec', `${enter} ${root} sh -ec "$1"`, '-', line];
      return await must('unshare', '-m', '-n', '-p', '--fork', ...words);
    };
    // Node.js need not be a package here.
    await mustInside('dpkg --force-depends -i /p6n.deb');
    const { version } = JSON.parse(await must('cat', join(ROOT, 'package.json'))) as {
      version: string;
    };
    for (const program of ['p6nd', 'p6nctl']) {
      assert.equal((await mustInside(`cd / && ${program} --version`)).trim(), version);
    }
    const config = await mustInside('P6N_CONFIG=/etc/p6n/p6nd.json p6nd check-config --name one');
    assert.match(config, /"stateDir": "\/var\/lib\/p6n"/);
    const conffiles = await mustInside('dpkg-query --status p6n');
    assert.match(conffiles, /\/etc\/p6n\/p6nd\.json/);
    await mustInside('test -s /usr/share/bash-completion/completions/p6nctl');
    await mustInside('man -l /usr/share/man/man8/p6nd.8.gz > /dev/null || true');
    await mustInside('mkdir -p /var/lib/p6n && dpkg --purge p6n');
    await mustInside('test ! -e /usr/bin/p6nd && test ! -e /var/lib/p6n && test ! -e /etc/p6n');
  });

  describe('as a service', { skip: BOOT_SKIP_REASON }, () => {
    let machine: BootedMachine;
    let command: string;

    const isActive = async (): Promise<string> =>
      (await machine.run('systemctl is-active p6nd')).stdout.trim();
    const mainPid = () => machine.must('systemctl show --property MainPID --value p6nd');
    /** The command of the instance is the process that it was, and its packets pass. */
    const requireInstances = async (): Promise<void> => {
      assert.equal(await machine.must("pgrep -fx 'sh -c while sleep.*'"), command);
      await machine.must('ip netns exec outer ping -c 1 -w 10 fdaa::3');
      await machine.must('p6nctl instances exec web -- ping -c 1 -w 10 web.internal');
    };

    before(async () => {
      machine = await BootedMachine.boot(root);
    });
    after(() => machine?.end());

    test('is not started when it is installed, and is ready when systemctl says so', async () => {
      await machine.must('dpkg --force-depends -i /p6n.deb');
      assert.equal(await isActive(), 'inactive');
      const { stdout } = await machine.run('p6nctl doctor');
      assert.match(stdout, /there is no \/var\/lib\/p6n: p6nd has not run here/i);
      await machine.must('systemctl enable --now p6nd');
      await machine.must('p6nctl status');
    });

    test('serves instances under its hardening', async () => {
      await machine.must('p6nctl apps create web --network blue');
      await machine.must(`p6nctl instances run --app web --name web --detach -- sh -c '${TICKS}'`);
      command = await machine.must("pgrep -fx 'sh -c while sleep.*'");
      // A namespace that somebody else mounts while p6nd runs.
      await machine.must('ip netns add outer && ip -n outer link set lo up');
      await machine.must('p6nctl instances attach --app web --name ext --netns /run/netns/outer');
      await requireInstances();
      const { code, stdout } = await machine.run('p6nctl doctor');
      assert.equal(code, 0, stdout);
      for (const forbidden of ['date -s @0', 'modprobe dummy', 'dmesg']) {
        const words = `p6nctl instances run --app web --rm -- sh -c '${forbidden}'`;
        assert.notEqual((await machine.run(words)).code, 0, forbidden);
      }
    });

    test('leaves instances as they are when it is started again', async () => {
      await machine.must('systemctl restart p6nd');
      await requireInstances();
      await machine.must('systemctl stop p6nd');
      assert.equal(await machine.must("pgrep -fx 'sh -c while sleep.*'"), command);
      await machine.must('systemctl start p6nd');
      await requireInstances();
      await machine.must('dpkg --force-depends -i /p6n.deb');
      assert.equal(await isActive(), 'active');
      await requireInstances();
    });

    test('is started again when it is killed, and when it hangs', async () => {
      const drop = '/run/systemd/system/p6nd.service.d';
      await machine.must(
        `mkdir -p ${drop}; printf '[Service]\\nWatchdogSec=3\\n' > ${drop}/w.conf`,
      );
      await machine.must('systemctl daemon-reload; systemctl restart p6nd');
      for (const signal of ['KILL', 'STOP']) {
        const pid = await mainPid();
        await machine.must(`kill -${signal} ${pid}`);
        const isAnother = async () => ![pid, '0'].includes(await mainPid());
        await until('another p6nd', async () => (await isActive()) === 'active' && isAnother());
        await requireInstances();
      }
      await machine.must('systemctl reload p6nd');
      assert.equal(await isActive(), 'active');
      await machine.must(`rm -r ${drop}; systemctl daemon-reload`);
    });

    test('is not started again and again with a wrong configuration', async () => {
      const line = /^# (\(set -a.*\))$/m.exec(readText('scripts/package/p6nd.default'))?.[1] ?? '';
      assert.ok(readText('README.md').includes(line));
      assert.match(await machine.must(line), /"mtu": 1420/);
      await machine.must('echo P6N_MTU=7 > /etc/default/p6nd');
      assert.match((await machine.run(line)).stderr, /Cannot use "7" as --mtu/);
      assert.notEqual((await machine.run('systemctl restart p6nd')).code, 0);
      assert.equal(await isActive(), 'failed');
      await machine.must('rm /etc/default/p6nd; systemctl start p6nd');
      await requireInstances();
    });

    test('comes up by itself once what keeps it from starting is gone', async () => {
      await machine.must('systemctl stop p6nd');
      const hold = "require('node:dgram').createSocket('udp4').bind(51820)";
      await machine.must(`systemd-run --quiet --unit hold $(command -v node) -e "${hold}"`);
      await machine.must('systemctl start --no-block p6nd');
      await until('six attempts', async () => {
        const restarts = await machine.must('systemctl show --property NRestarts --value p6nd');
        return Number(restarts) >= 6;
      });
      await machine.must('systemctl stop hold');
      await until('p6nd', async () => (await isActive()) === 'active');
      await requireInstances();
    });

    test('stays ended after p6nctl host reset', async () => {
      await machine.must('p6nctl host reset');
      await until('the end of p6nd', async () => (await isActive()) === 'inactive');
      assert.equal((await machine.run("pgrep -fx 'sh -c while sleep.*'")).code, 1);
      await machine.must('systemctl start p6nd');
      await machine.must('p6nctl instances start web');
    });

    test('takes instances along when it is removed, and everything by a purge', async () => {
      await machine.must('dpkg --remove p6n');
      assert.equal((await machine.run("pgrep -fx 'sh -c while sleep.*'")).code, 1);
      assert.equal((await machine.run('ip link show p6n0')).code, 1);
      assert.equal(await machine.must('ip -6 route show table all | grep -c fdaa || true'), '0');
      await machine.must('test -e /var/lib/p6n/identity.json -a -e /etc/p6n/p6nd.json');
      await machine.must('dpkg --purge p6n');
      await machine.must('test ! -e /var/lib/p6n -a ! -e /etc/p6n -a ! -e /run/p6n');
      const links = 'find /etc/systemd /usr/lib/p6n /lib/systemd/system -name "*p6n*" 2>/dev/null';
      assert.equal(await machine.must(`${links} || true`), '');
    });
  });
});
