// Laptops over time: several gateways, forgeries, a gateway that is killed, keys that change, and
// the proxy and the ping of an operator.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import type { InstanceView } from '../../src/api/contract/instances.ts';
import { Laptop, NO_WG_QUICK } from '../e2e/laptop.ts';
import { must, P6NCTL, Site, type SiteHost, SKIP_REASON, until } from '../e2e/site.ts';

/** Answers TCP and UDP on port 7 with what it got, in capitals. */
const SHOUT = `
const shout = (data) => data.toString().toUpperCase();
require('node:net').createServer((s) => s.on('error', () => {}).on('data', (d) => s.end(shout(d))))
  .listen(7, '::');
const u = require('node:dgram').createSocket('udp6');
u.on('message', (m, from) => u.send(shout(m), from.port, from.address)).bind(7);`;
/** Sends a datagram to port 7000 of this machine and prints the answer. */
const ASK = `
const s = require('node:dgram').createSocket('udp4').on('message', (m) => {
  console.log(String(m));
  process.exit();
});
setInterval(() => s.send('hello', 7000, '127.0.0.1'), 100);`;

const RED = ['--network', 'red'];

describe('laptops of two hosts', { skip: SKIP_REASON || NO_WG_QUICK, timeout: 300_000 }, () => {
  let site: Site;
  let one: SiteHost;
  let two: SiteHost;
  /** Behind host one and behind host two, in one network. */
  let anna: Laptop;
  let ben: Laptop;
  const proxies: ChildProcess[] = [];
  const targets: Record<string, InstanceView> = {};

  before(async () => {
    site = await Site.running(2);
    [one, two] = site.hosts as [SiteHost, SiteHost];
    await one.must('apps', 'create', 'web', '--network', 'blue');
    await one.must('apps', 'create', 'shop', '--network', 'red');
    for (const [host, app] of [
      [one, 'web'],
      [two, 'web'],
      [one, 'shop'],
    ] as const) {
      const words = [
        '--name',
        `${app}-${host.name}`,
        '--detach',
        '--',
        process.execPath,
        '-e',
        SHOUT,
      ];
      await host.must('instances', 'run', '--app', app, ...words);
      const found = await host.client.instances.get(`${app}-${host.name}`);
      targets[`${app}-${host.name}`] = found;
    }
    anna = await Laptop.create(site, 'anna');
    ben = await Laptop.create(site, 'ben');
    await anna.up(await configuration('anna'));
    // A gateway that does not follow the network yet, by the word of another host, and whose port
    // another program has.
    const squatter = await takePort(two);
    const ofBen = await configuration('ben', '--host', 'two');
    await until('two says what to do', () => Promise.resolve(two.log.includes('--gateway-port')));
    // All else goes on, a change of another host's key too, which waits for every host.
    await one.must('hosts', 'rotate-key');
    const rotated = async (): Promise<boolean> =>
      (await one.json<{ key_generation: number }>('hosts', 'show', 'one')).key_generation === 2;
    await until('the next key of one', rotated);
    assert.doesNotMatch((await two.exec('ss', '-ulnp')).stdout, /:51821 .*p6nd/);
    squatter.kill();
    await ben.up(ofBen);
  });

  after(async () => {
    for (const proxy of proxies) proxy.kill('SIGKILL');
    await anna?.down();
    await ben?.down();
    await site?.remove();
  });

  test('each reaches the instances of both hosts by name', async () => {
    for (const laptop of [anna, ben]) {
      for (const region of ['ams', 'fra']) {
        await until(`${region} from a laptop`, () => reaches(laptop, `${region}.web.internal`));
        const said = await laptop.exec('sh', '-c', shoutAt(`${region}.web.internal`));
        assert.equal(said.stdout, 'HI\n');
      }
      const { stdout } = await laptop.exec('dig', '+short', 'TXT', '_peer.internal');
      assert.equal(stdout.trim(), '"anna,ben"');
    }
  });

  test('an instance reaches a laptop behind another host', async () => {
    const { here } = await one.client.instances.get('web-one');
    const name = 'ben._peer.internal';
    const inside = [
      'nsenter',
      `--net=${here?.namespace}`,
      'ping',
      '-6',
      '-n',
      '-c',
      '1',
      '-W',
      '2',
    ];
    const [address = ''] = (await ben.exec('dig', '+short', 'AAAA', name)).stdout.split('\n');
    await must(inside[0] as string, ...inside.slice(1), address);
  });

  test('neither reaches another network, a host, or the other laptop', async () => {
    await wider(anna, 'fdaa::/16');
    const [blue] = (await one.client.networks.list()).networks.filter(
      ({ name }) => name === 'blue',
    );
    const presence = `${blue?.prefix.replace('::/48', '')}:1:0:0:0:1`;
    const [, other] = (await one.client.wireguard.list({ network: 'blue' })).peers;
    for (const [target = '', reason] of [
      [targets['shop-one']?.address, 'other-network'],
      ['fdaa:0:0:1::1', 'infrastructure-network'],
      [presence, 'peer-to-host'],
      [other?.address, 'peer-to-peer'],
    ] as const) {
      const before = await drops(one, reason);
      assert.equal(await reaches(anna, target), false, target);
      assert.ok((await drops(one, reason)) > before, `${target} is counted as ${reason}`);
    }
    for (const port of [6600, 6601]) {
      const knock = ['ncat', '-6', '-z', '-w', '2', 'fdaa:0:0:1::1', String(port)];
      assert.notEqual((await anna.exec(...knock)).code, 0);
    }
  });

  test('another source, also that of another laptop, is dropped and counted', async () => {
    const [, other] = (await one.client.wireguard.list({ network: 'blue' })).peers;
    for (const source of [other?.address ?? '', targets['shop-one']?.address ?? '']) {
      const link = ['dev', anna.interfaceName];
      await anna.exec('ip', '-6', 'address', 'add', `${source}/128`, ...link, 'nodad');
      const before = await drops(one, 'device-source-not-allowed');
      const target = targets['web-one']?.address ?? '';
      assert.equal(await reaches(anna, target, '-I', source), false);
      assert.ok((await drops(one, 'device-source-not-allowed')) > before);
      await anna.exec('ip', '-6', 'address', 'del', `${source}/128`, ...link);
    }
    assert.ok(await reaches(anna, targets['web-two']?.address ?? ''));
  });

  test('a gateway that is killed goes on with the same key', async () => {
    const before = await gatewayKey();
    await one.kill();
    await one.start('--region', 'ams');
    await until('the laptop behind it', () => reaches(anna, 'fra.web.internal'));
    assert.equal(await gatewayKey(), before);
  });

  test('a new key of the host leaves its gateway alone', async () => {
    const before = await gatewayKey();
    const own = await one.client.hosts.get('one');
    await one.must('hosts', 'rotate-key');
    assert.notEqual((await one.client.hosts.get('one')).public_key, own.public_key);
    assert.equal(await gatewayKey(), before);
    assert.ok(await reaches(anna, targets['web-one']?.address ?? ''));
    await until('the other host', () => reaches(anna, targets['web-two']?.address ?? ''));
  });

  test('a new key of the site cuts nobody off', async () => {
    await one.must('site', 'rotate');
    assert.ok(await reaches(anna, targets['web-one']?.address ?? ''));
    assert.ok(await reaches(ben, targets['web-two']?.address ?? ''));
    assert.equal(await drops(two, 'record-peer-signature'), 0);
  });

  test('a removed laptop is cut off within a second, behind another host too', async () => {
    const target = targets['web-two']?.address ?? '';
    await until('the laptop before', () => reaches(ben, target));
    await one.must('wireguard', 'remove', 'ben', '--network', 'blue');
    const cutBy = performance.now() + 1_000;
    while (await reaches(ben, target)) {
      assert.ok(performance.now() < cutBy, 'it still reaches an instance a second later');
    }
    assert.equal((await two.exec('ss', '-uln')).stdout.includes(':51821'), false);
  });

  test('ping measures round trips from a host that has nothing in the network', async () => {
    const { stdout } = await two.must('ping', 'shop.internal', ...RED, '--count', '2');
    assert.match(stdout, /2 sent, 2 answered, 0 % lost/);
    const anybody = await two.ctl('ping', targets['web-one']?.address ?? '', ...RED);
    assert.equal(anybody.code, 2, 'of another network');
    assert.match(anybody.stderr, /VALUE_INVALID/);
  });

  test('proxy carries TCP, UDP and a unix socket to an app of another host', async () => {
    const socket = `${site.folder}/shop.sock`;
    await proxy('7000:7', '--app', 'shop');
    await proxy('7000:7', '--app', 'shop', '--udp');
    await proxy(`${socket}:7`, 'shop.internal', '--app', 'shop');
    assert.equal((await two.exec('sh', '-c', shoutAt('127.0.0.1', 7000))).stdout, 'HI\n');
    assert.equal((await two.exec(process.execPath, '-e', ASK)).stdout, 'HELLO\n');
    const words = `echo hi | ncat -U -w 5 ${socket}`;
    assert.equal((await two.exec('sh', '-c', words)).stdout, 'HI\n');
    for (const one of proxies) one.kill('SIGTERM');
    await until('the end of the visits', async () => {
      const { stdout } = await two.exec('ip', '-6', 'address', 'show', 'dev', 'p6n0');
      const prefix = targets['shop-one']?.address.split(':').slice(0, 3).join(':') ?? '';
      return !stdout.includes(prefix);
    });
  });

  async function configuration(name: string, ...words: readonly string[]): Promise<string> {
    return (await one.must('wireguard', 'create', name, '--network', 'blue', ...words)).stdout;
  }

  /** Its owner routes more into the tunnel than he was told. */
  async function wider(laptop: Laptop, prefix: string): Promise<void> {
    const { interfaceName } = laptop;
    const { stdout } = await laptop.exec('wg', 'show', interfaceName, 'peers');
    const words = ['peer', stdout.trim(), 'allowed-ips', prefix];
    await laptop.exec('wg', 'set', interfaceName, ...words);
    await laptop.exec('ip', '-6', 'route', 'add', prefix, 'dev', interfaceName);
  }

  async function gatewayKey(): Promise<string | undefined> {
    const network = { name: 'blue' };
    return (await one.client.wireguard.get({ name: 'anna', network })).gateway?.public_key;
  }

  async function proxy(...words: readonly string[]): Promise<void> {
    const inside = ['netns', 'exec', two.namespace, P6NCTL, '--socket', two.socket, 'proxy'];
    const child = spawn('ip', [...inside, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
    proxies.push(child);
    let said = '';
    child.stderr.on('data', (data) => {
      said += data;
    });
    await until(`proxy ${words.join(' ')}`, () => Promise.resolve(said.includes('Serving')));
  }
});

async function reaches(laptop: Laptop, target: string, ...words: readonly string[]) {
  const ping = ['ping', '-6', '-c', '1', '-W', '1', ...words, target];
  return (await laptop.exec(...ping)).code === 0;
}

async function drops(host: SiteHost, reason: string): Promise<number> {
  return (await host.client.host.status()).drops[reason] ?? 0;
}

function shoutAt(host: string, port = 7): string {
  return `echo hi | ncat -w 5 ${host} ${port}`;
}

/** A program that has the port of the host's gateway. */
async function takePort({ namespace }: SiteHost): Promise<ChildProcess> {
  const program = "require('node:dgram').createSocket('udp6').bind(51821, () => console.log('up'))";
  const words = ['netns', 'exec', namespace, process.execPath, '-e', program];
  const squatter = spawn('ip', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => squatter.stdout.once('data', resolve));
  return squatter;
}
