// Bad input to the programs: each gets a clear error with its exit code, and nothing changes.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import {
  hostRecord,
  type LaunchOptions,
  P6NCTL,
  run,
  Site,
  type SiteHost,
  SKIP_REASON,
  until,
} from './site.ts';

describe('bad input to p6nctl', { skip: SKIP_REASON, timeout: 300_000 }, () => {
  let site: Site;
  let one: SiteHost;

  before(async () => {
    site = await Site.running(1);
    one = site.hosts[0] as SiteHost;
    await one.must('apps', 'create', 'web');
  });

  after(() => site?.remove());

  const cases: readonly (readonly [words: string, exit: number, message: RegExp])[] = [
    ['frobnicate', 2, /frobnicate/],
    ['apps', 2, /apps/],
    ['apps frobnicate', 2, /frobnicate/],
    ['apps create', 2, /USAGE|name/i],
    ['apps create Web', 2, /NAME_INVALID/],
    ['apps create all', 2, /NAME_RESERVED/],
    ['apps create web', 1, /NAME_TAKEN/],
    ['apps create other --network -x', 2, /./],
    ['apps create other --network all', 2, /NAME_RESERVED/],
    ['apps show nothing', 1, /NOT_FOUND/],
    ['apps remove nothing', 1, /NOT_FOUND/],
    ['networks create default', 1, /NAME_TAKEN/],
    ['networks create DEFAULT', 1, /NAME_TAKEN/],
    ['networks remove default', 1, /NETWORK_IN_USE/],
    ['hosts show nothing', 1, /NOT_FOUND/],
    ['hosts invite --ttl soon', 2, /soon/],
    ['hosts invites revoke 9', 1, /NOT_FOUND/],
    ['instances show nothing', 1, /NOT_FOUND/],
    ['instances run --app nothing -- true', 1, /NOT_FOUND/],
    ['instances run --app web', 2, /command/i],
    ['instances run --app web --metadata x -- true', 2, /metadata/],
    ['instances run --app web -- /nonexistent', 1, /nonexistent/],
    ['instances attach --app web --netns /etc/hostname', 1, /NAMESPACE_INVALID/],
    ['instances attach --app web --pid 4194304', 1, /NAMESPACE_INVALID/],
    ['explain --from nonsense --to fdaa::3', 2, /nonsense/],
  ];
  for (const [words, exit, message] of cases) {
    test(`p6nctl ${words} exits with ${exit}`, async () => {
      const before = await everything(one);
      const outcome = await one.ctl(...words.split(' '));
      assert.equal(outcome.code, exit, outcome.stderr);
      assert.match(outcome.stderr, message);
      assert.deepEqual(await everything(one), before);
    });
  }

  test('p6nctl without a daemon says so', async () => {
    const { code, stderr } = await run(P6NCTL, '--socket', '/nonexistent.sock', 'status');
    assert.equal(code, 1);
    assert.match(stderr, /DAEMON_UNREACHABLE/);
  });

  test('a second p6nd in the namespace ends with ALREADY_RUNNING', async () => {
    const outcome = await startInVain(one, [], { stateDir: `${one.stateDir}-second` });
    assert.equal(outcome.code, 1);
    assert.match(outcome.log, /ALREADY_RUNNING/);
  });
});

describe('bad starts of p6nd', { skip: SKIP_REASON, timeout: 300_000, concurrency: 3 }, () => {
  test('an invite that was used lets no second host in', async (context) => {
    const site = await Site.running(1, context);
    const one = site.hosts[0] as SiteHost;
    const invite = await one.invite();
    await (await site.addHost('two')).start('--join', invite);
    await until('the invite is dropped', async () => {
      return (await one.client.invites.list()).invites.length === 0;
    });
    const before = await everything(one);
    const three = await site.addHost('three');
    const { code, log } = await startInVain(three, ['--join', invite]);
    assert.equal(code, 1);
    assert.match(log, /SERVER_UNREACHABLE/);
    assert.match(log, /Hint: .*the invite was not used, revoked or expired/);
    assert.deepEqual(await everything(one), before);
    assert.equal((await three.exec('ip', 'link', 'show', 'p6n0')).code, 1);
  });

  test('an invite that has expired lets nobody in', async (context) => {
    const site = await Site.running(1, context);
    const one = site.hosts[0] as SiteHost;
    const invite = await one.invite('--ttl', '1s');
    const two = await site.addHost('two');
    await until('its time is over', async () => {
      const invites = await one.json<{ state: string }[]>('hosts', 'invites', 'list');
      return invites.every(({ state }) => state !== 'open');
    });
    const expired = await startInVain(two, ['--join', invite]);
    assert.equal(expired.code, 1);
    assert.match(expired.log, /INVITE_EXPIRED/);
    assert.equal(existsSync(join(two.stateDir, 'identity.json')), false);
    assert.equal((await one.json<unknown[]>('hosts', 'list')).length, 1);
  });

  test('a taken listen port ends with PORT_TAKEN', async (context) => {
    const { host } = await lonely(context);
    const words = ['netns', 'exec', host.namespace, 'ncat', '-6', '-u', '-l', '51820'];
    const taker = spawn('ip', words);
    context.after(() => taker.kill());
    await until('the port is taken', async () =>
      (await host.exec('ss', '-Hulpn')).stdout.includes(':51820'),
    );
    const { code, log } = await startInVain(host);
    assert.equal(code, 1);
    assert.match(log, /PORT_TAKEN/);
    assert.equal((await host.exec('ip', 'link', 'show', 'p6n0')).code, 1);
  });

  test('a route of somebody else into fdaa::/16 ends with ROUTE_TAKEN', async (context) => {
    const { host } = await lonely(context);
    await host.exec('ip', 'route', 'add', 'fdaa:1::/32', 'dev', 'eth0');
    const { code, log } = await startInVain(host);
    assert.equal(code, 1);
    assert.match(log, /ROUTE_TAKEN/);
  });

  test('no /dev/net/tun ends with NO_TUN', async (context) => {
    const { host } = await lonely(context);
    const program = ['sh', '-c', 'mount -t tmpfs none /dev/net && exec "$0" "$@"'];
    const { code, log } = await startInVain(host, [], { wrap: ['unshare', '-m', ...program] });
    assert.equal(code, 1);
    assert.match(log, /NO_TUN/);
  });

  test('not root ends with NOT_ROOT', async (context) => {
    const { host } = await lonely(context);
    const wrap = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
    const { code, log } = await startInVain(host, [], { wrap });
    assert.equal(code, 1);
    assert.match(log, /NOT_ROOT/);
  });

  test('a state folder that cannot be written to ends with STATE_UNWRITABLE', async (context) => {
    const { host } = await lonely(context);
    writeFileSync(host.stateDir, 'a file');
    const { code, log } = await startInVain(host);
    assert.equal(code, 1);
    assert.match(log, /STATE_UNWRITABLE/);
    assert.equal(readFileSync(host.stateDir, 'utf8'), 'a file');
  });

  test('a registry file that is not one ends with REGISTRY_CORRUPT and stays', async (context) => {
    const { host } = await lonely(context);
    mkdirSync(host.stateDir, { mode: 0o700 });
    const path = join(host.stateDir, 'registry.db');
    writeFileSync(path, 'this is no registry, and long enough to be read as a database header');
    const { code, log } = await startInVain(host);
    assert.equal(code, 1);
    assert.match(log, /REGISTRY_CORRUPT/);
    assert.match(readFileSync(path, 'utf8'), /^this is no registry/);
  });
});

async function lonely(context: TestContext): Promise<{ host: SiteHost }> {
  const site = await Site.create(context);
  return { host: await site.addHost('lonely') };
}

interface Failure {
  readonly code: number;
  readonly log: string;
}

/** Starts p6nd on `host`, which must end by itself. */
async function startInVain(
  host: SiteHost,
  flags: readonly string[] = [],
  options: LaunchOptions = {},
): Promise<Failure> {
  const code = await host.launch(flags, options);
  return { code, log: host.log };
}

/** All that the registry has, for "nothing changed". */
function everything({ client }: SiteHost): Promise<unknown> {
  return Promise.all([
    client.organizations.list(),
    client.networks.list(),
    client.apps.list(),
    client.hosts.list().then(({ hosts }) => hosts.map(hostRecord)),
    client.invites.list(),
    client.instances.list(),
  ]);
}
