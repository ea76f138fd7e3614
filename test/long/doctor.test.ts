// `p6nctl doctor` on real hosts: well ones have nothing wrong, and each fault that is made is
// found, with why it matters and what to do.

import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  must,
  type Outcome,
  P6NCTL,
  Site,
  type SiteHost,
  SKIP_REASON,
  until,
} from '../e2e/site.ts';
import { isInstalled } from './container-engines.ts';

interface Finding {
  readonly check: string;
  readonly level: 'good' | 'warning' | 'problem';
  readonly found: string;
  readonly why?: string;
  readonly remedy?: string;
}

/** A program that has a port, in the words of a shell. */
function holding(port: number): string {
  return `${process.execPath} -e "require('node:dgram').createSocket('udp4').bind(${port})"`;
}

let site: Site;
let one: SiteHost;
let two: SiteHost;

/** What doctor says on a host that is started through `wrap`. */
async function examine(
  host: SiteHost,
  wrap: readonly string[] = [],
): Promise<{ readonly code: number; readonly findings: readonly Finding[] }> {
  const words = ['--socket', host.socket, '--json', 'doctor', '--state-dir', host.stateDir];
  const { code, stdout, stderr }: Outcome = await host.exec(...wrap, P6NCTL, ...words);
  assert.ok(stdout.startsWith('['), `${stdout}${stderr}`);
  return { code, findings: JSON.parse(stdout) as readonly Finding[] };
}

/** Makes a fault, sees it found, and undoes it. */
async function finds(
  expected: { readonly check: string; readonly level: Finding['level']; readonly found: RegExp },
  fault: {
    readonly host?: SiteHost;
    readonly make?: () => Promise<unknown>;
    readonly undo?: () => Promise<unknown>;
    readonly wrap?: readonly string[];
  },
): Promise<void> {
  const host = fault.host ?? one;
  await fault.make?.();
  try {
    const { code, findings } = await examine(host, fault.wrap);
    const found = findings.filter(
      ({ check, level }) => check === expected.check && level !== 'good',
    );
    assert.equal(found.length, 1, JSON.stringify(findings, undefined, 1));
    assert.equal(found[0]?.level, expected.level);
    assert.match(found[0].found, expected.found);
    assert.ok((found[0].why ?? '') !== '' && (found[0].remedy ?? '') !== '');
    assert.ok(code >= (expected.level === 'problem' ? 2 : 1), `exit code ${code}`);
  } finally {
    await fault.undo?.();
  }
}

describe('p6nctl doctor', { skip: SKIP_REASON, timeout: 300_000 }, () => {
  const inside = (...words: string[]) => one.exec(...words);
  const ip = (...words: string[]) => must('ip', '-n', one.namespace, ...words);

  before(async () => {
    site = await Site.create();
    one = await site.addHost('one');
    two = await site.addHost('two');
    // A small disk of its own.
    await must('mkdir', '-p', one.stateDir);
    await must('mount', '-t', 'tmpfs', '-o', 'size=400m,mode=700', 'p6n-doctor', one.stateDir);
    await one.start();
    await two.join(one);
    await one.must('apps', 'create', 'web', '--network', 'blue');
    const run = ['instances', 'run', '--app', 'web', '--detach', '--name'];
    await one.must(...run, 'web', '--', 'sleep', '600');
  });
  after(async () => {
    await must('umount', '-l', one.stateDir);
    await site?.remove();
  });

  test('finds nothing wrong with hosts that are well', async () => {
    for (const host of [one, two]) {
      await until('handshakes', async () => (await examine(host)).code === 0);
      const { findings } = await examine(host);
      assert.deepEqual(
        findings.filter(({ level }) => level !== 'good'),
        [],
      );
      assert.ok(findings.length >= 14, `${findings.length} findings`);
    }
    const { stdout } = await one.exec(P6NCTL, '--socket', one.socket, 'doctor');
    assert.match(stdout, /^ok {7}TUN device: /m);
  });

  test('finds a TUN device that is none', () =>
    finds(
      { check: 'TUN device', level: 'problem', found: /no usable \/dev\/net\/tun/ },
      {
        wrap: ['unshare', '-m', 'sh', '-c', 'mount --bind /dev/null /dev/net/tun; exec "$@"', '-'],
      },
    ));

  test('finds IPv6 disabled', () =>
    finds(
      { check: 'IPv6', level: 'problem', found: /disabled on p6n0/ },
      {
        host: two,
        make: () => two.exec('sysctl', '-qw', 'net.ipv6.conf.p6n0.disable_ipv6=1'),
        undo: async () => {
          await two.exec('sysctl', '-qw', 'net.ipv6.conf.p6n0.disable_ipv6=0');
          await two.kill('SIGTERM');
          await two.start();
        },
      },
    ));

  test('finds routes of somebody else, and how to remove each', async () => {
    for (const [add, found] of [
      ['route add fdaa:5::/32 dev eth0', 'fdaa:5::/32 through eth0'],
      ['route add fdaa:5::/32 dev eth0 table 77', 'fdaa:5::/32 through eth0'],
      ['route add blackhole fdaa:6::/32', 'fdaa:6::/32 through lo'],
      ['address add fdaa:7::1/128 dev eth0 nodad', 'fdaa:7::1 through eth0'],
    ] as const) {
      await ip('-6', ...add.split(' '));
      for (let advised = 0; ; advised += 1) {
        const { findings } = await examine(one);
        const wrong = findings.filter(({ check, level }) => check === 'routes' && level !== 'good');
        if (wrong.length === 0) break;
        assert.ok(advised < 4, add);
        assert.equal(wrong[0]?.level, 'problem');
        assert.ok(
          wrong.some((finding) => finding.found.endsWith(found)),
          wrong[0].found,
        );
        const [, words = ''] = /`(.+)`/.exec(wrong.at(-1)?.remedy ?? '') ?? [];
        assert.equal((await inside('sh', '-c', words)).code, 0, words);
      }
    }
  });

  describe('with a firewall', () => {
    const firewall = async () =>
      (await examine(one)).findings.filter(
        ({ check, level }) => check === 'firewall' && level !== 'good',
      );
    /** As an operator follows the advice, until nothing is left to do. */
    const follow = async (): Promise<readonly string[]> => {
      const found: string[] = [];
      for (;;) {
        const findings = await firewall();
        if (findings.length === 0) return found;
        for (const finding of findings) {
          found.push(finding.found);
          const [, words = ''] = /^Let it pass: (.+)$/.exec(finding.remedy ?? '') ?? [];
          const { code, stderr } = await inside('sh', '-c', words);
          assert.equal(code, 0, `${words}: ${stderr}`);
        }
        assert.ok(found.length <= 16, found.join('\n'));
      }
    };

    test('of iptables finds what closes the port, and nothing in what does not', async () => {
      const rules = (...lines: string[]) =>
        inside('sh', '-ec', ['iptables -F', ...lines].map((line) => `${line}\n`).join(''));
      await rules('iptables -A INPUT -p tcp --dport 23 -j DROP');
      assert.deepEqual(await firewall(), []);
      await rules('iptables -A INPUT -p tcp -j ACCEPT', 'iptables -P INPUT DROP');
      const [finding] = await firewall();
      assert.equal(finding?.level, 'warning');
      assert.match(finding.found, /^iptables drops WireGuard's datagrams to UDP port 51820/);
      assert.equal((await follow()).length, 1);
      await rules(
        'iptables -N ufw-user-input',
        'iptables -A ufw-user-input -p udp --dport 51820 -j ACCEPT',
        'iptables -A INPUT -j ufw-user-input',
      );
      assert.deepEqual(await firewall(), []);
      await rules('iptables -X', 'iptables -P INPUT ACCEPT');
    });

    test('of nftables finds all that it drops, and advice that works', async (context) => {
      if (!isInstalled('nft')) return context.skip('no nft here');
      const chain = async (hook: string, policy: string, ...rules: string[]) => {
        const lines = [`type filter hook ${hook} priority 0; policy ${policy}`, ...rules];
        const table = `table inet main { chain ${hook} { ${lines.join('; ')}; }; }`;
        const { code, stderr } = await inside('nft', `flush ruleset; ${table}`);
        assert.equal(code, 0, stderr);
      };
      await chain('input', 'drop', 'ct state established,related accept', 'iif lo accept');
      assert.deepEqual(
        (await follow()).map((text) => text.split(' (')[0]),
        [
          "nft drops WireGuard's datagrams to UDP port 51820",
          'nft drops questions for names on p6n0',
          'nft drops hosts that follow this server on p6n0',
        ],
      );
      await chain('output', 'drop', 'ct state established accept');
      assert.match((await follow()).join(), /^nft drops WireGuard's datagrams from UDP port 51820/);
      await chain('input', 'accept', 'iifname "p6n*" drop', 'tcp dport 23 drop');
      assert.equal((await follow()).length, 2);
      await inside('nft', 'flush ruleset');
      assert.deepEqual(await firewall(), []);
    });
  });

  test('finds the port of the gateway taken, and closed by a firewall', async () => {
    const held = await inside('sh', '-c', `${holding(51_821)} >/dev/null 2>&1 & echo $!`);
    const listeners = async () => (await inside('ss', '-lun')).stdout;
    await until('the port is taken', async () => (await listeners()).includes(':51821'));
    const peer = ['wireguard', 'create', 'anna', '--network', 'blue'];
    await one.ctl(...peer);
    const gateway = async () => (await one.client.host.status()).host.gateway;
    await until('there are peers', async () => (await gateway()) !== undefined);
    await finds({ check: 'UDP port', level: 'problem', found: /51821 is taken/ }, {});
    await inside('kill', held.stdout.trim());
    await until('the gateway is open', async () => (await gateway())?.open === true);
    const rule = ['INPUT', '-p', 'udp', '--dport', '51821', '-j', 'DROP'];
    await finds(
      { check: 'firewall', level: 'problem', found: /datagrams to UDP port 51821/ },
      {
        make: () => inside('iptables', '-A', ...rule),
        undo: () => inside('iptables', '-D', ...rule),
      },
    );
    await one.must('wireguard', 'remove', 'anna', '--network', 'blue');
  });

  test('finds a state folder and files that are open to others', async () => {
    const file = join(one.stateDir, 'identity.json');
    for (const [path, mode, right] of [
      [one.stateDir, 0o755, 0o700],
      [file, 0o644, 0o600],
    ] as const) {
      await finds(
        { check: 'permissions', level: 'problem', found: /is open to others/ },
        {
          make: async () => chmodSync(path, mode),
          undo: async () => chmodSync(path, right),
        },
      );
    }
  });

  test('finds a disk that is full', async () => {
    const fill = join(one.stateDir, 'fill');
    for (const [megabytes, level] of [
      [200, 'warning'],
      [390, 'problem'],
    ] as const) {
      await finds(
        { check: 'disk', level, found: /^Only .* are free/ },
        {
          make: () => must('dd', 'if=/dev/zero', `of=${fill}`, 'bs=1M', `count=${megabytes}`),
          undo: () => must('rm', fill),
        },
      );
    }
  });

  test('finds a link that is too narrow for the MTU', () =>
    finds(
      { check: 'MTU', level: 'warning', found: /MTU of eth0 is 1400/ },
      {
        make: () => ip('link', 'set', 'eth0', 'mtu', '1400'),
        undo: () => ip('link', 'set', 'eth0', 'mtu', '1500'),
      },
    ));

  test('says where no --mtu is small enough for a link', async () => {
    await ip('link', 'set', 'eth0', 'mtu', '1300');
    const { findings } = await examine(one);
    await ip('link', 'set', 'eth0', 'mtu', '1500');
    assert.match(findings.find(({ check }) => check === 'MTU')?.remedy ?? '', /no --mtu is small/);
  });

  test('finds a clock that is wrong', async () => {
    const shim = join(site.folder, 'clock.so');
    writeFileSync(
      `${shim}.c`,
      // What V8 asks for the time of day.
      `#define _GNU_SOURCE
       #include <dlfcn.h>
       #include <sys/time.h>
       int gettimeofday(struct timeval *now, void *zone) {
         int (*real)(struct timeval *, void *) = dlsym(RTLD_NEXT, "gettimeofday");
         int result = real(now, zone);
         now->tv_sec += 90;
         return result;
       }`,
    );
    await must('gcc', '-shared', '-fPIC', '-o', shim, `${shim}.c`, '-ldl');
    await finds(
      { check: 'clock', level: 'warning', found: /1m\d+s ahead of that of server one/ },
      { host: two, wrap: ['env', `LD_PRELOAD=${shim}`] },
    );
  });

  test('finds an instance that the name server does not answer', async () => {
    const { here } = await one.client.instances.get('web');
    const within = (...words: string[]) =>
      must('nsenter', `--net=${here?.namespace}`, 'ip6tables', '-w', ...words);
    const rule = ['OUTPUT', '-p', 'udp', '--dport', '53', '-j', 'DROP'];
    await finds(
      { check: 'names', level: 'problem', found: /does not answer instance web/ },
      { make: () => within('-A', ...rule), undo: () => within('-D', ...rule) },
    );
  });

  test('finds an instance that asks somebody else', async () => {
    const words = ['--app', 'web', '--name', 'lost', '--detach', '--', 'sh', '-c'];
    await finds(
      { check: 'resolvers', level: 'warning', found: /Instance lost asks/ },
      {
        make: async () => {
          const script = 'mount --bind /dev/null /etc/resolv.conf; exec sleep 600';
          await one.must('instances', 'run', ...words, script);
          const resolvConf = async () => {
            const { here } = await one.client.instances.get('lost');
            return await must('cat', `/proc/${here?.pid}/root/etc/resolv.conf`);
          };
          await until('the mount', async () => (await resolvConf()) === '');
        },
        undo: () => one.must('instances', 'remove', 'lost', '--force'),
      },
    );
  });

  test('finds a host that lives and is not reached, and servers that do not answer', async () => {
    const drop = (...words: string[]) => two.exec('iptables', '-w', ...words, '-j', 'DROP');
    const drop6 = (...words: string[]) => two.exec('ip6tables', '-w', ...words, '-j', 'DROP');
    const rule = ['INPUT', '-p', 'udp', '--sport', '51820'];
    await drop('-A', ...rule);
    await drop6('-A', ...rule);
    const isLost = async () => (await two.client.host.status()).registry.state === 'unreachable';
    await until('the loss of the server', isLost);
    await finds({ check: 'registry', level: 'problem', found: /No server/ }, { host: two });
    await finds({ check: 'peers', level: 'warning', found: /Host two does not answer/ }, {});
    await drop('-D', ...rule);
    await drop6('-D', ...rule);
    await until('the server', async () => !(await isLost()));
  });

  test('finds p6nd missing and its port taken', async () => {
    await two.kill('SIGTERM');
    await finds({ check: 'p6nd', level: 'problem', found: /Cannot reach p6nd/ }, { host: two });
    const script = `${holding(51_820)} & sleep 1; "$@"; code=$?; kill $!; exit $code`;
    await finds(
      { check: 'UDP port', level: 'problem', found: /51820 is taken/ },
      { host: two, wrap: ['sh', '-c', script, '-'] },
    );
  });

  test('finds offloads that are off', async () => {
    await two.start('--offloads', 'none');
    await finds(
      { check: 'offloads and crypto', level: 'warning', found: /tun-tcp, tun-udp, udp-gso/ },
      { host: two },
    );
  });
});
