// The whole job on two real hosts: names, packets, isolation, and what people are told of them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { must, type Outcome, run, Site, type SiteHost, SKIP_REASON, until } from './site.ts';

interface InstanceJson {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly state: string;
  readonly network: string;
  readonly here?: { readonly namespace?: string; readonly pid?: number };
}

const SLEEP = ['--detach', '--', 'sleep', 'infinity'];
/** Answers each TCP connection on port 7 with the line it got, in capitals. */
const SHOUT = [
  '--detach',
  '--',
  process.execPath,
  '-e',
  `require('node:net').createServer((s) => s.on('error', () => {}).on('data', (d) =>
     s.end(d.toString().toUpperCase()))).listen(7, '::')`,
];

describe('a mesh of two hosts', { skip: SKIP_REASON, timeout: 300_000 }, () => {
  let site: Site;
  let one: SiteHost;
  let two: SiteHost;

  before(async () => {
    site = await Site.running(2);
    [one, two] = site.hosts as [SiteHost, SiteHost];
    await one.must('apps', 'create', 'web', '--network', 'blue');
    await two.must('apps', 'create', 'client', '--network', 'blue');
    await one.must('apps', 'create', 'shop', '--network', 'red');
    await one.must('instances', 'run', '--app', 'web', '--name', 'web-1', ...SHOUT);
    await two.must('instances', 'run', '--app', 'web', '--name', 'web-2', ...SHOUT);
    await one.must('instances', 'run', '--app', 'shop', '--name', 'shop-1', ...SLEEP);
    await two.must('instances', 'run', '--app', 'client', '--name', 'client-2', ...SLEEP);
    await until('names of both hosts on host two', async () => {
      const { stdout } = await inside(two, 'client-2', 'dig', '+short', 'AAAA', 'web.internal');
      return stdout.trim().split('\n').length === 2;
    });
  });

  after(() => site?.remove());

  test('an instance pings another host by name', async () => {
    const { stdout, code } = await inside(
      two,
      'client-2',
      'ping',
      '-6',
      '-c',
      '1',
      'ams.web.internal',
    );
    assert.equal(code, 0, stdout);
  });

  test('an instance exchanges TCP with another host by name', async () => {
    const words = ['sh', '-c', 'echo hello | ncat -6 -w 5 ams.web.internal 7'];
    assert.equal((await inside(two, 'client-2', ...words)).stdout, 'HELLO\n');
  });

  test('a full-size packet crosses and one above the MTU is told so', async () => {
    const ping = (size: number): Promise<Outcome> =>
      inside(
        two,
        'client-2',
        'ping',
        '-6',
        '-c',
        '1',
        '-M',
        'do',
        '-s',
        `${size}`,
        'ams.web.internal',
      );
    assert.equal((await ping(1420 - 48)).code, 0);
    const tooBig = await ping(1420 - 47);
    assert.notEqual(tooBig.code, 0);
    assert.match(tooBig.stdout + tooBig.stderr, /too long|too big/i);
  });

  test('names answer by app, region and machine id', async () => {
    const web1 = await show(one, 'web-1');
    const web2 = await show(two, 'web-2');
    assert.deepEqual(await ask(two, 'AAAA', 'web.internal'), [web1.address, web2.address].sort());
    assert.deepEqual(await ask(two, 'AAAA', 'fra.web.internal'), [web2.address]);
    assert.deepEqual(await ask(two, 'AAAA', `${web1.id}.vm.web.internal`), [web1.address]);
    assert.deepEqual(await ask(two, 'TXT', 'regions.web.internal'), ['"ams,fra"']);
    assert.deepEqual(await ask(two, 'TXT', '_apps.internal'), ['"client,web"']);
  });

  test('names answer over TCP too', async () => {
    const { stdout } = await inside(
      two,
      'client-2',
      'dig',
      '+tcp',
      '+short',
      'TXT',
      '_apps.internal',
    );
    assert.equal(stdout, '"client,web"\n');
  });

  test('a network sees nothing of another one', async () => {
    const web1 = await show(one, 'web-1');
    for (const name of ['web.internal', 'ams.web.internal', `${web1.id}.vm.web.internal`]) {
      const { stdout } = await inside(one, 'shop-1', 'dig', 'AAAA', name);
      assert.match(stdout, /status: NXDOMAIN/, name);
    }
    const { stdout } = await inside(one, 'shop-1', 'dig', '+short', 'TXT', '_apps.internal');
    assert.equal(stdout, '"shop"\n');
  });

  for (const target of ['web-1', 'web-2']) {
    test(`a ping into another network (${target}) fails at once and is counted`, async () => {
      const { address } = await show(target === 'web-1' ? one : two, target);
      const before = await drops(one, 'other-network');
      const { stdout, code } = await inside(
        one,
        'shop-1',
        'ping',
        '-6',
        '-c',
        '1',
        '-W',
        '9',
        address,
      );
      assert.notEqual(code, 0);
      assert.match(stdout, /administratively prohibited/i);
      assert.ok((await drops(one, 'other-network')) > before);
    });
  }

  test('a ping to an address without instance on another host fails at once', async () => {
    const { address } = await show(one, 'web-1');
    const nobody = address.replace(/:[0-9a-f]+:2$/, ':dead:2');
    const { stdout } = await inside(two, 'client-2', 'ping', '-6', '-c', '1', '-W', '9', nobody);
    assert.match(stdout, /Address unreachable/i);
  });

  test('explain names the rule', async () => {
    const from = (await show(one, 'shop-1')).address;
    const to = (await show(one, 'web-1')).address;
    const { stdout } = await one.must('explain', '--from', from, '--to', to);
    assert.match(stdout, /other-network/);
  });

  test('an instance keeps its address through stop and start', async () => {
    const words = ['instances', 'run', '--app', 'web', '--name', 'brief', ...SLEEP];
    await two.must(...words);
    const before = await show(two, 'brief');
    await two.must('instances', 'stop', 'brief');
    assert.equal((await show(two, 'brief')).state, 'stopped');
    assert.ok(!(await ask(two, 'AAAA', 'web.internal')).includes(before.address));
    await two.must('instances', 'start', 'brief');
    const after = await show(two, 'brief');
    assert.equal(after.address, before.address);
    assert.equal(after.state, 'started');
    assert.ok((await ask(two, 'AAAA', 'web.internal')).includes(after.address));
    await two.must('instances', 'remove', '--force', 'brief');
  });

  test('a namespace of somebody else is attached by path and by process', async (context) => {
    const name = `p6n-${process.pid}-foreign`;
    await must('ip', 'netns', 'add', name);
    context.after(() => run('ip', 'netns', 'del', name));
    const path = `/run/netns/${name}`;
    await two.must('instances', 'attach', '--app', 'web', '--name', 'foreign', '--netns', path);
    const { address } = await show(two, 'foreign');
    const { code } = await inside(two, 'client-2', 'ping', '-6', '-c', '1', '-W', '5', address);
    assert.equal(code, 0);
    const twice = await two.ctl('instances', 'attach', '--app', 'web', '--netns', path);
    assert.equal(twice.code, 1);
    await two.must('instances', 'remove', '--force', 'foreign');
  });

  test('an instance has its own resolver, hosts and environment', async () => {
    const { address, id } = await show(two, 'client-2');
    const { stdout: resolver } = await inside(two, 'client-2', 'cat', '/etc/resolv.conf');
    assert.match(resolver, /^nameserver fdaa::3$/m);
    const { stdout: hosts } = await inside(two, 'client-2', 'getent', 'ahostsv6', 'fly-local-6pn');
    assert.ok(hosts.startsWith(address), hosts);
    const words = ['instances', 'run', '--app', 'client', '--', 'env'];
    const environment = (await two.must(...words)).stdout;
    for (const name of ['P6N_PRIVATE_IP', 'FLY_PRIVATE_IP', 'P6N_MACHINE_ID', 'FLY_MACHINE_ID']) {
      assert.match(environment, new RegExp(`^${name}=\\S+$`, 'm'));
    }
    assert.match(environment, /^P6N_APP=client$/m);
    assert.match(environment, /^P6N_NETWORK=blue$/m);
    assert.match(environment, /^P6N_REGION=fra$/m);
    assert.doesNotMatch(environment, new RegExp(id));
  });
});

function show(host: SiteHost, name: string): Promise<InstanceJson> {
  return host.json<InstanceJson>('instances', 'show', name);
}

/** Runs a program in the network and mount namespaces of an instance. */
async function inside(host: SiteHost, name: string, ...words: string[]): Promise<Outcome> {
  const pid = (await show(host, name)).here?.pid;
  assert.ok(pid, `${name} has no process`);
  return run('nsenter', '-t', `${pid}`, '-n', '-m', ...words);
}

/** The records that an instance of client on host two gets, sorted. */
async function ask(host: SiteHost, type: string, name: string): Promise<string[]> {
  const { stdout } = await inside(host, 'client-2', 'dig', '+short', type, name);
  return stdout.split('\n').filter(Boolean).sort();
}

async function drops(host: SiteHost, reason: string): Promise<number> {
  const status = await host.json<{ drops: Record<string, number> }>('status');
  return status.drops[reason] ?? 0;
}
