// `p6nctl instances run` with all that it takes, on a real host: user, folder, environment, output,
// programs beside the command, metadata, and restarts that go on while p6nd is killed.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ReadStream } from 'node:tty';
import type { InstanceView } from '../../src/api/contract/instances.ts';
import { openPseudoTerminal, resizeTerminal } from '../../src/os/linux/pseudo-terminal.ts';
import { must, P6NCTL, Site, type SiteHost, SKIP_REASON, until } from '../e2e/site.ts';

const RUN = ['instances', 'run', '--app', 'web'] as const;

test('instances run as they are told', { skip: SKIP_REASON }, async (t) => {
  const site = await Site.create(t);
  const host = await site.addHost('one');
  const groups = join(site.folder, 'group');
  const lines = readFileSync('/etc/group', 'utf8').replace(/^(?:games|www-data):.*/gm, '$&daemon');
  writeFileSync(groups, lines);
  const cover = `mount --bind ${groups} /etc/group && exec "$@"`;
  // User daemon is in groups 33 and 60 here.
  await host.start({ wrap: ['unshare', '--mount', 'sh', '-c', cover, 'sh'] });
  await host.must('apps', 'create', 'web');

  await t.test('user, folder and environment are those of the command', async () => {
    const file = join(site.folder, 'env');
    writeFileSync(file, 'SECRET=hidden\n', { mode: 0o600 });
    const script = 'id -u; id -g; id -G; pwd; echo $HOME $A $SECRET $P6N_APP';
    const words = [
      '--user',
      'daemon:daemon',
      '--workdir',
      '/usr',
      '--env',
      'A=b',
      '--env-file',
      file,
    ];
    const { stdout } = await host.must(...RUN, '--rm', ...words, '--', 'sh', '-c', script);
    assert.deepEqual(stdout.split('\n'), ['1', '1', '1', '/usr', '/usr/sbin b hidden web', '']);
    const all = [...RUN, '--rm', '--user', 'daemon', '--env', 'LD_BIND_NOW=1'];
    const member = await host.must(...all, '--', 'sh', '-c', 'id -G; id -u; echo $LD_BIND_NOW');
    assert.equal(member.stdout, '1 33 60\n1\n1\n');
    for (const [program, pattern] of [
      ['p6n-nothing', /no program/],
      ['/etc/passwd', /not an executable/],
    ] as const) {
      assert.match((await host.ctl(...all, '--', program)).stderr, pattern);
    }
    const stranger = await host.ctl(...RUN, '--user', 'p6n-nobody', '--', 'true');
    assert.equal(stranger.code, 1);
    assert.match(stranger.stderr, /no such user/);
  });

  await t.test('a secret of the environment is in the journal alone, for root alone', async () => {
    const file = join(site.folder, 'env');
    await host.must(...RUN, '--name', 'kept', '--detach', '--env-file', file, '--', 'sleep', '60');
    const shown = await host.must('--json', 'instances', 'show', 'kept');
    assert.doesNotMatch(shown.stdout, /hidden/);
    assert.doesNotMatch(host.log, /hidden/);
    const { stdout } = await host.exec('grep', '-rl', 'hidden', host.stateDir);
    const files = stdout.split('\n').filter(Boolean);
    assert.equal(files.length, 1);
    assert.equal(statSync(files[0] ?? '').mode & 0o777, 0o600);
  });

  await t.test('exec runs beside the command and passes the exit code on', async () => {
    const inside = await host.must(
      'instances',
      'exec',
      'kept',
      '--',
      'sh',
      '-c',
      'echo $SECRET; pwd',
    );
    assert.match(inside.stdout, /^hidden\n/);
    const [here, there] = await Promise.all([
      host.exec('readlink', '/proc/self/ns/net'),
      host.must('instances', 'exec', 'kept', '--', 'readlink', '/proc/self/ns/net'),
    ]);
    assert.notEqual(here.stdout, there.stdout);
    const names = await host.must('instances', 'exec', 'kept', '--', 'cat', '/etc/resolv.conf');
    assert.equal(names.stdout, 'nameserver fdaa::3\n');
    assert.equal((await host.ctl('instances', 'exec', 'kept', '--', 'sh', '-c', 'exit 7')).code, 7);
    assert.equal((await host.ctl('instances', 'exec', 'none', '--', 'true')).code, 1);
  });

  await t.test('exec gives a terminal of its own, and leaves the operator his', async () => {
    const { ofProgram, ofWatcher } = openPseudoTerminal();
    const own = readlinkSync(`/proc/self/fd/${ofProgram}`);
    const modes = (): Promise<string> => must('stty', '-g', '-F', own);
    const before = await modes();
    resizeTerminal(ofWatcher, { rows: 33, columns: 99 });
    const script =
      'trap "stty size; exit 7" WINCH; tty; stty size; read a; echo "<$a>"; ' +
      'while :; do sleep 0.1; done';
    const words = ['instances', 'exec', 'kept', '--', 'sh', '-c', script];
    const netns = ['netns', 'exec', host.namespace, 'setsid', '--ctty'];
    const child = spawn('ip', [...netns, P6NCTL, '--socket', host.socket, ...words], {
      stdio: [ofProgram, ofProgram, ofProgram],
    });
    const ended = once(child, 'exit');
    const screen = new ReadStream(ofWatcher);
    let shown = '';
    screen.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
    });
    await until('the size', () => Promise.resolve(shown.includes('33 99')));
    assert.match(shown, /\/dev\/pts\/\d+/);
    assert.ok(!shown.includes(`${own}\r`), shown);
    screen.write('hi\r');
    await until('an answer', () => Promise.resolve(shown.includes('<hi>')));
    resizeTerminal(ofWatcher, { rows: 44, columns: 88 });
    assert.deepEqual(await ended, [7, null]);
    await until('the new size', () => Promise.resolve(shown.includes('44 88')));
    assert.equal(await modes(), before);
    closeSync(ofProgram);
    screen.destroy();
  });

  await t.test('exec without a terminal has none to open, and is interrupted', async () => {
    const look = await host.ctl('instances', 'exec', 'kept', '--', 'sh', '-c', ': </dev/tty');
    assert.notEqual(look.code, 0);
    const words = ['instances', 'exec', 'kept', '--', 'sh', '-c', 'echo in; exec sleep 60'];
    const child = spawn(P6NCTL, ['--socket', host.socket, ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'exit'), [130, null]);
  });

  await t.test('exec has the user of the command, with his groups', async () => {
    const words = ['--user', 'daemon', '--detach', '--', 'sleep', '600'];
    await host.must(...RUN, '--name', 'member', ...words);
    const inside = ['instances', 'exec', 'member', '--', 'sh', '-c', 'id -u; id -g; id -G'];
    assert.equal((await host.must(...inside)).stdout, '1\n1\n1 33 60\n');
  });

  await t.test('metadata change while the instance runs, and names follow', async () => {
    await host.must('instances', 'metadata', 'set', 'kept', 'role=main');
    const { stdout } = await host.must('instances', 'metadata', 'list', 'kept');
    assert.match(stdout, /role +main/);
    const name = 'main.role.kv._metadata.web.internal';
    const lookUp = () => host.must('dns', 'lookup', name);
    assert.match((await lookUp()).stdout, /fdaa:/);
    await host.must('instances', 'metadata', 'unset', 'kept', 'role');
    assert.doesNotMatch((await lookUp()).stdout, /fdaa:/);
  });

  await t.test('logs tell the last lines with their times, and follow', async () => {
    const script = 'for i in 1 2 3; do echo line $i; done; echo bad >&2; exec sleep 60';
    await host.must(...RUN, '--name', 'said', '--detach', '--', 'sh', '-c', script);
    const log = (...words: string[]) => host.must('instances', 'logs', 'said', ...words);
    await until('the output', async () => (await log()).stdout.endsWith('line 3\n'));
    assert.equal((await log()).stdout, 'line 1\nline 2\nline 3\n');
    await until('the error', async () => (await log()).stderr === 'bad\n');
    assert.match((await log('-n', '2')).stdout, /^line 3\n$/);
    assert.match((await log('-t')).stdout, /^\d{4}-\d\d-\d\dT[\d:.]+Z line 1\n/);
    const { id } = await show(host, 'said');
    const output = join(host.stateDir, 'instances', id, 'output.log');
    assert.equal(statSync(output).mode & 0o777, 0o600);
  });

  await t.test('several instances have names in a row', async () => {
    await host.must(...RUN, '--name', 'many', '--count', '3', '--detach', '--', 'sleep', '60');
    const list = await host.json<InstanceView[]>('instances', 'list');
    const names = list.map(({ name }) => name).filter((name) => name.startsWith('many-'));
    assert.deepEqual(names.sort(), ['many-1', 'many-2', 'many-3']);
  });

  await t.test('a command runs again as often as it may, also while no p6nd runs', async () => {
    const folder = join(site.folder, 'runs');
    mkdirSync(folder);
    const count = join(folder, 'count');
    const script = `echo x >> ${count}; exit 3`;
    const words = ['--restart', 'on-failure:3', '--detach', '--', 'sh', '-c', script];
    await host.must(...RUN, '--name', 'fails', ...words);
    const { address } = await show(host, 'fails');
    await host.kill();
    const runs = (): number => readFileSync(count, 'utf8').length / 2;
    await until('the restarts', () => Promise.resolve(runs() === 4));
    await host.start();
    await until('the end', async () => (await show(host, 'fails')).state === 'stopped');
    assert.equal(runs(), 4);
    const ended = await show(host, 'fails');
    assert.equal(ended.here?.exit_code, 3);
    assert.equal(ended.address, address);
  });

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await t.test(`what runs always is started again after a ${signal} of all`, async () => {
      const name = `always-${signal.toLowerCase()}`;
      const words = ['--restart', 'always', '--detach', '--', 'sleep', '600'];
      await host.must(...RUN, '--name', name, ...words);
      await host.must(...RUN, '--name', `${name}-stopped`, ...words);
      await host.must('instances', 'stop', `${name}-stopped`);
      const { address, here } = await show(host, name);
      const supervisor = Number(await must('ps', '-o', 'ppid=', '-p', String(here?.pid)));
      await host.kill();
      // As a machine that goes down does, after p6nd.
      process.kill(supervisor, signal);
      if (signal === 'SIGKILL') process.kill(here?.pid ?? 0, signal);
      await until('its end', () => Promise.resolve(!existsSync(`/proc/${here?.pid}/ns/net`)));
      await host.start();
      await until('its start', async () => (await show(host, name)).state === 'started');
      const again = await show(host, name);
      assert.equal(again.address, address);
      assert.notEqual(again.here?.pid, here?.pid);
      const inside = ['instances', 'exec', name, '--', 'ip', '-6', 'addr', 'show', 'p6n0'];
      assert.ok((await host.must(...inside)).stdout.includes(address));
      assert.equal((await show(host, `${name}-stopped`)).state, 'stopped');
    });
  }

  await t.test('a stop is the end of restarts, in a pause too', async () => {
    const words = ['--restart', 'always', '--detach', '--', 'sh', '-c', 'exit 0'];
    await host.must(...RUN, '--name', 'again', ...words);
    await until('restarts', async () => ((await show(host, 'again')).here?.restarts ?? 0) >= 3);
    assert.equal((await show(host, 'again')).state, 'started');
    await host.must('instances', 'stop', 'again');
    assert.equal((await show(host, 'again')).state, 'stopped');
  });
});

async function show(host: SiteHost, name: string): Promise<InstanceView> {
  return await host.json<InstanceView>('instances', 'show', name);
}
