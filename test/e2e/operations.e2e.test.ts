// What an operator has of a host that runs: one site of one host for all of it.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { NotifySocket } from '../fakes/notify-socket.ts';
import { readPcapng } from '../fakes/pcapng.ts';
import { parseExposition } from '../fakes/prometheus.ts';
import { must, P6ND, run, Site, type SiteHost, SKIP_REASON, until } from './site.ts';

const METRICS = '127.0.0.1:9176';

let site: Site;
let host: SiteHost;
let manager: NotifySocket;

before(async () => {
  if (SKIP_REASON !== false) return;
  site = await Site.create();
  host = await site.addHost('one');
  manager = new NotifySocket(join(site.folder, 'notify'));
  const environment = { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: '200000' };
  await host.start('--region', 'ams', '--metrics', METRICS, { environment });
});
after(async () => {
  manager?.close();
  await site?.remove();
});

test('metrics are read on the socket and on the loopback port', { skip: SKIP_REASON }, async () => {
  const socket = ['curl', '-sf', '--unix-socket', host.socket, 'http://p6nd/metrics'];
  const port = ['curl', '-sf', `http://${METRICS}/metrics`];
  for (const words of [socket, port]) {
    const { code, stdout } = await host.exec(...words);
    assert.equal(code, 0, words.join(' '));
    const families = parseExposition(stdout);
    const value = (name: string): number => families.get(name)?.samples[0]?.value ?? -1;
    assert.equal(value('p6n_info'), 1);
    assert.equal(value('p6n_registry_up'), 1);
    assert.ok(value('p6n_registry_revision') >= 1);
    assert.ok(value('process_resident_memory_bytes') > 1e6);
  }
});

test('the loopback port serves metrics and nothing else', { skip: SKIP_REASON }, async () => {
  for (const path of ['/v1/status', '/v1/apps', '/v1/host/reset']) {
    const words = ['-s', '-o', '/dev/null', '-w', '%{http_code}', `http://${METRICS}${path}`];
    assert.equal((await host.exec('curl', ...words)).stdout, '404', path);
  }
});

test('p6nd check-config says what is in force, and what is wrong', {
  skip: SKIP_REASON,
}, async () => {
  const good = await run(P6ND, 'check-config', '--region', 'ams', '--registry', 'sqlite');
  assert.equal(good.code, 0, good.stderr);
  assert.equal((JSON.parse(good.stdout) as { region: string }).region, 'ams');
  const bad = await run(P6ND, 'check-config', '--mtu', '7');
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /Cannot use "7" as --mtu/);
  const missing = await run(P6ND, 'check-config', '--join', '/nonexistent/invite');
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /Cannot read \/nonexistent\/invite: ENOENT/);
});

test('a capture has packets of an instance with verdicts', {
  skip: SKIP_REASON,
}, async () => {
  const start = async (name: string, network: string, ...command: string[]) => {
    await host.must('apps', 'create', name, '--network', network);
    const words = ['--app', name, '--name', name, '--detach', '--', ...command];
    await host.must('instances', 'run', ...words);
    return (await host.client.instances.get(name)).address;
  };
  const web = await start('web', 'blue', 'sleep', '600');
  const stranger = await start('stranger', 'red', 'sleep', '600');
  const file = join(site.folder, 'capture.pcapng');
  const pings = `ping -c 1 -W 5 ${web}; ping -c 1 -W 1 ${stranger}`;
  const script = `until [ -s ${file} ]; do sleep 0.05; done; ${pings}`;
  const client = await start('client', 'blue', 'sh', '-c', script);
  const words = ['capture', '--instance', 'client', '-w', file, '--snaplen', '96', '--count', '3'];
  const captured = host.ctl(...words);
  const { code, stderr } = await captured;
  assert.equal(code, 0, stderr);
  const blocks = readPcapng(readFileSync(file));
  const comments = blocks.flatMap(({ options, type }) =>
    type === 6 && options.has(1) ? [options.get(1)?.toString()] : [],
  );
  assert.deepEqual(comments, ['pass: instance', 'pass: instance', 'drop: other-network']);
  assert.equal(blocks.at(-1)?.options.get(5)?.readBigUInt64LE(0), 0n);
  const dump = await run('tcpdump', '-nr', file);
  assert.equal(dump.code, 0, dump.stderr);
  assert.match(dump.stdout, new RegExp(`${client} > ${web}: ICMP6, echo request`));
  const unknown = await host.ctl('capture', '--network', 'nowhere', '-w', `${file}.none`);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /\(NOT_FOUND\)/);
  assert.equal(existsSync(`${file}.none`), false);
});

test('a debug bundle has what is needed, and no secret', { skip: SKIP_REASON }, async () => {
  const { stdout: token } = await host.must('hosts', 'invite');
  await host.must('apps', 'create', 'vault', '--network', 'blue');
  const [password, word] = ['correct-horse-battery', 'staple-on-the-command-line'];
  const variables = join(site.folder, 'vault.env');
  writeFileSync(variables, `PASSWORD=${password}\n`);
  const settings = ['--app', 'vault', '--name', 'vault', '--env-file', variables, '--detach'];
  const print = 'echo $PASSWORD; exec sleep 600';
  await host.must('instances', 'run', ...settings, '--', 'sh', '-c', print, word);
  await until('its output', async () =>
    (await host.must('instances', 'logs', 'vault')).stdout.includes(password),
  );
  await host.must('instances', 'exec', 'vault', '--', 'true');
  const file = join(site.folder, 'bundle.tar.gz');
  await host.must('debug', 'bundle', '-o', file);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const folder = join(site.folder, 'bundle');
  mkdirSync(folder);
  await must('tar', '-xzf', file, '-C', folder);
  const names = readdirSync(folder);
  const expected = ['config.json', 'doctor.json', 'log.jsonl', 'metrics.txt', 'registry-copy.json'];
  for (const name of [...expected, 'status.json', 'versions.json', 'ip-address.txt']) {
    assert.ok(names.includes(name), `${name} among ${names.join(' ')}`);
  }
  const secrets = [token.trim(), password, word, ...secretsOf(host.stateDir)];
  assert.ok(secrets.length >= 6, `${secrets.length} secrets`);
  for (const name of names) {
    const text = readFileSync(join(folder, name), 'utf8');
    for (const secret of secrets) assert.ok(!text.includes(secret), `${name} has a secret`);
  }
  assert.match(readFileSync(join(folder, 'log.jsonl'), 'utf8'), /"msg":"p6nd is ready"/);
});

/** Fields of the state folder's files that only p6nd may know, as base64 and as hexadecimal. */
function secretsOf(stateDir: string): readonly string[] {
  const secrets = new Set<string>();
  const take = (value: unknown, name: string): void => {
    if (typeof value === 'object' && value !== null) {
      for (const [key, one] of Object.entries(value)) take(one, key);
    } else if (typeof value === 'string' && /private|secret|seed|token|psk|env/i.test(name)) {
      secrets.add(value);
      const bytes = Buffer.from(value, 'base64');
      if (bytes.length >= 16) secrets.add(bytes.toString('hex'));
    }
  };
  for (const name of readdirSync(stateDir)) {
    if (!name.endsWith('.json') || name === 'copy.json') continue;
    take(JSON.parse(readFileSync(join(stateDir, name), 'utf8')) as unknown, name);
  }
  return [...secrets];
}

test('a service manager hears of p6nd from its start to its end', {
  skip: SKIP_REASON,
}, async () => {
  const hears = (pattern: RegExp) =>
    until(`${pattern}`, async () => manager.heard().some((text) => pattern.test(text)));
  await hears(/^READY=1$/);
  await hears(/^WATCHDOG=1$/);
  process.kill(host.pid ?? 0, 'SIGHUP');
  await hears(/^RELOADING=1\nMONOTONIC_USEC=\d+$/);
  await until('the log', async () => host.log.includes('log level taken'));
  await host.kill('SIGTERM');
  await hears(/^STOPPING=1$/);
  const said = manager.heard().filter((text) => text !== 'WATCHDOG=1');
  assert.deepEqual(
    said.map((text) => text.split('=')[0]),
    ['READY', 'RELOADING', 'READY', 'STOPPING'],
  );
});
