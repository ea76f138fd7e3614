// The door of a host: from the LAN, from an instance, from another host and from an invite's tunnel
// nothing answers but what the filter's list names, and a program that listens on all addresses of
// the host is not reached.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { InviteTunnel } from './invite-tunnel.ts';
import { Site, type SiteHost, SKIP_REASON, until } from './site.ts';

const OPEN_PORT = '9999';
/** Answers on TCP and UDP with what it got, on all addresses of its host. */
const ECHO = `
  const port = Number(process.argv[1]);
  require('node:net').createServer((s) => s.on('error', () => {}).pipe(s)).listen(port, '::');
  const udp = require('node:dgram').createSocket('udp6');
  udp.on('message', (data, { port, address }) => udp.send(data, port, address)).bind(port, '::');`;
/** Writes the answer to a datagram, or nothing when there is none within half a second. */
const ASK = `
  const [port, address] = process.argv.slice(1);
  const udp = require('node:dgram').createSocket('udp6');
  udp.on('message', (data) => { process.stdout.write(data); udp.close(); });
  udp.on('error', () => process.exit());
  udp.send('marker', Number(port), address);
  setTimeout(() => process.exit(), 500);`;

describe('the door of a host', { skip: SKIP_REASON, timeout: 300_000 }, () => {
  let site: Site;
  let one: SiteHost;
  let two: SiteHost;
  let neighbour: SiteHost;
  let hostAddress: string;
  let presence: string;
  let instance: string;
  let instanceAddress: string;
  let listener: ChildProcess | undefined;

  before(async () => {
    site = await Site.running(2);
    [one, two] = site.hosts as [SiteHost, SiteHost];
    neighbour = await site.addHost('neighbour');
    await neighbour.exec('ip', 'route', 'add', 'fdaa::/16', 'via', '2001:db8::1');
    await one.must('apps', 'create', 'web');
    const sleep = ['--detach', '--', 'sleep', 'infinity'];
    await one.must('instances', 'run', '--app', 'web', '--name', 'web', ...sleep);
    const shown = await one.json<{ address: string; network_id: number; here: { pid: number } }>(
      'instances',
      'show',
      'web',
    );
    instance = String(shown.here.pid);
    instanceAddress = shown.address;
    hostAddress = (await one.json<{ host: { address: string } }>('status')).host.address;
    const [high, low] = [shown.network_id >>> 16, shown.network_id & 0xffff];
    presence = `fdaa:${high.toString(16)}:${low.toString(16)}:1:0:0:0:1`;
    const words = ['netns', 'exec', one.namespace, process.execPath, '-e', ECHO, OPEN_PORT];
    listener = spawn('ip', words, { stdio: 'ignore' });
    await until('programs listen on all addresses', async () => {
      const { stdout } = await one.exec('ss', '-Hlntu');
      return stdout.split('\n').filter((line) => line.includes(`:${OPEN_PORT}`)).length === 2;
    });
  });

  after(async () => {
    listener?.kill();
    await site?.remove();
  });

  test('the listener is reached by the address of the LAN', async () => {
    assert.equal((await connect(neighbour, '2001:db8::1', OPEN_PORT)).code, 0);
    assert.equal(await echo(neighbour, '2001:db8::1'), 'marker');
  });

  test('nothing of it answers a neighbour on the LAN', async () => {
    for (const address of ['fdaa::3', hostAddress, presence]) {
      for (const port of ['53', '6600', '6601', OPEN_PORT]) {
        const { code } = await connect(neighbour, address, port);
        assert.notEqual(code, 0, `${address} port ${port} answers a neighbour`);
      }
      assert.equal(await echo(neighbour, address), '', `${address} answers a neighbour by UDP`);
    }
    const { stdout } = await neighbour.exec(
      'dig',
      '+tries=1',
      '+time=1',
      '@fdaa::3',
      'web.internal',
    );
    assert.match(stdout, /timed out|no servers could be reached|unreachable/);
  });

  test('an instance reaches the name server and nothing else', async () => {
    const inside = ['nsenter', '-t', instance, '-n', '-m'];
    const { stdout } = await one.exec(...inside, 'dig', '+short', 'AAAA', 'web.internal');
    assert.match(stdout, /^fdaa:/);
    for (const address of ['fdaa::3', hostAddress, presence]) {
      for (const port of ['22', '6600', '6601', OPEN_PORT]) {
        const { code } = await one.exec(...inside, 'ncat', '-6', '-z', '-w', '1', address, port);
        assert.notEqual(code, 0, `${address} port ${port} answers an instance`);
      }
      assert.equal(await echo(one, address, ...inside), '', `${address} answers by UDP`);
    }
  });

  test('another host reaches the server port and nothing else', async () => {
    assert.equal((await connect(two, hostAddress, '6600')).code, 0);
    for (const port of ['53', '6601', OPEN_PORT]) {
      assert.notEqual((await connect(two, hostAddress, port)).code, 0, `port ${port} answers`);
    }
    for (const address of ['fdaa::3', presence]) {
      assert.notEqual((await connect(two, address, OPEN_PORT)).code, 0, `${address} answers`);
    }
    assert.equal(await echo(two, hostAddress), '', 'the host address answers by UDP');
  });

  test("an invite's tunnel reaches the enrolment port and nothing else", async () => {
    const tunnel = await InviteTunnel.open(neighbour, await one.invite());
    try {
      assert.equal((await connect(neighbour, hostAddress, '6601')).code, 0);
      for (const address of ['fdaa::3', hostAddress, presence, instanceAddress]) {
        for (const port of ['53', '6600', OPEN_PORT]) {
          const { code } = await connect(neighbour, address, port);
          assert.notEqual(code, 0, `${address} port ${port} answers an invite`);
        }
        const { code } = await neighbour.exec('ping', '-6', '-c', '1', '-W', '1', address);
        assert.notEqual(code, 0, `${address} answers a ping of an invite`);
        assert.equal(await echo(neighbour, address), '', `${address} answers an invite by UDP`);
      }
    } finally {
      await tunnel.close();
    }
  });
});

/** Exits with 0 when something takes a TCP connection. */
function connect(host: SiteHost, address: string, port: string): ReturnType<SiteHost['exec']> {
  return host.exec('ncat', '-6', '-z', '-w', '1', address, port);
}

/** Writes what came back of a datagram to the open port. */
async function echo(host: SiteHost, address: string, ...enter: string[]): Promise<string> {
  return (await host.exec(...enter, process.execPath, '-e', ASK, OPEN_PORT, address)).stdout;
}
