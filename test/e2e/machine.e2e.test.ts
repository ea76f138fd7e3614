// The machine's ports on a real kernel: TUN interfaces in namespaces, addresses and routes, sockets
// bound to an interface.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { P6nError } from '../../src/base/errors.ts';
import { PacketBatch } from '../../src/base/packet-batch.ts';
import type { Ipv6Address } from '../../src/ip/ipv6-address.ts';
import type { LinkSettings } from '../../src/os/links.ts';
import { LINUX_LINKS } from '../../src/os/linux/links.ts';
import { LINUX_NAMESPACES } from '../../src/os/linux/namespaces.ts';
import { openCloneNews } from '../../src/os/linux/network-news.ts';
import { LinuxPoller } from '../../src/os/linux/poller.ts';
import { nativeSlab } from '../../src/os/linux/slab.ts';
import { LINUX_DEVICE_SOCKETS } from '../../src/os/linux/sockets.ts';
import { openTun } from '../../src/os/linux/tun.ts';
import type { Tun } from '../../src/os/tun.ts';
import { joinNamespaces, makeNamespace, SKIP, type TestNamespace } from './namespaces.ts';

const OWN_NAMESPACE = '/proc/thread-self/ns/net';
const ADDRESS = 'fdaa:0:18:a7b:7d:f066:b83b:2' as Ipv6Address;
const PLACES = { firstOffset: 32, stride: 2048, lengthMax: 2000, bytesMax: 65_536 };
const EBADFD = 77;

test('namespaces: within() runs there and comes back, also from a throw', { skip: SKIP }, (t) => {
  const namespace = makeNamespace(t, 'within');
  const own = readlinkSync(OWN_NAMESPACE);
  const inside = LINUX_NAMESPACES.within(namespace.path, () => readlinkSync(OWN_NAMESPACE));
  assert.notEqual(inside, own);
  const fail = (): never => {
    throw new Error('inside');
  };
  assert.throws(() => LINUX_NAMESPACES.within(namespace.path, fail), /inside/);
  assert.equal(readlinkSync(OWN_NAMESPACE), own);
});

test('namespaces: what is no namespace is an error that says so', { skip: SKIP }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-pipe-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  for (const path of ['/run/netns/p6n-there-is-none', '/proc/self/ns/mnt', '/dev/null', pipe]) {
    const enter = (): unknown => LINUX_NAMESPACES.within(path, () => assert.fail('entered'));
    assert.throws(enter, withCode('NAMESPACE_INVALID'), path);
  }
});

test('namespaces: a thread that cannot come back ends the process', { skip: SKIP }, (t) => {
  const namespace = makeNamespace(t, 'lost');
  const main = fileURLToPath(new URL('./lost-thread.js', import.meta.url));
  const { signal, stdout } = spawnSync(process.execPath, [main, namespace.path], {
    encoding: 'utf8',
  });
  assert.equal(signal, 'SIGABRT');
  assert.equal(stdout, '');
});

test('links: configure() sets up a TUN, and a second time changes nothing', {
  skip: SKIP,
}, async (t) => {
  const namespace = makeNamespace(t, 'links');
  namespace.run('sysctl -qw net.ipv6.conf.default.disable_ipv6=1');
  const tun = openTest(t, namespace);
  const settings = settingsFor(namespace);
  assert.ok((await LINUX_LINKS.configure(settings)) > 0);
  assert.equal(await LINUX_LINKS.configure(settings), 0);
  const shown = namespace.run('ip -6 addr show dev p6n0');
  assert.match(shown, /mtu 1420/);
  assert.match(shown, /fdaa::3\/128 scope global nodad deprecated/);
  assert.doesNotMatch(shown, /fe80/);
  assert.match(namespace.run(`ip route get ${ADDRESS}`), new RegExp(`local ${ADDRESS}`));
  assert.match(namespace.run('ip route get fdaa::9'), new RegExp(`dev p6n0 .*src ${ADDRESS}`));
  const routes = await LINUX_LINKS.routes(namespace.path);
  assert.ok(routes.some((route) => route.prefix === 'fdaa::/16' && route.device === 'p6n0'));

  const fewer = { ...settings, addresses: settings.addresses.slice(1), routes: ['fdaa:0:18::/48'] };
  assert.ok((await LINUX_LINKS.configure(fewer)) > 0);
  assert.equal(await LINUX_LINKS.configure(fewer), 0);
  assert.doesNotMatch(namespace.run('ip -6 addr show dev p6n0'), /fdaa::3/);
  tun.close();
  await assert.rejects(LINUX_LINKS.configure(settings), (error) => {
    return withCode('COMMAND_FAILED')(error) && (error as P6nError).hint === undefined;
  });
});

test('tun: packets go in and out', { skip: SKIP }, async (t) => {
  const namespace = makeNamespace(t, 'tun');
  const tun = openTest(t, namespace);
  await LINUX_LINKS.configure(settingsFor(namespace));
  const pinging = namespace.runAsync('ping -6 -c 1 -W 10 fdaa::9');
  const packets = new PacketBatch(nativeSlab(8 * PLACES.stride), 4);
  const echo = await nextPacket(tun, packets, 128);
  const { bytes } = packets.slab;
  // Sent back as the answer: addresses swapped, type 129, the checksum corrected for the type.
  const source = bytes.slice(echo + 8, echo + 24);
  bytes.copyWithin(echo + 8, echo + 24, echo + 40);
  bytes.set(source, echo + 24);
  bytes[echo + 40] = 129;
  const sum = packets.slab.view.getUint16(echo + 42) - 0x100;
  packets.slab.view.setUint16(echo + 42, sum < 0 ? sum + 0xffff : sum);
  assert.equal(
    tun.write(packets.slab, echo, packets.lengths[packets.offsets.indexOf(echo)] ?? 0),
    0,
  );
  assert.match(await pinging, /1 received/);
  assert.notEqual(tun.write(packets.slab, 0, 1), 0);
});

test('tun: an interface that is gone says so', { skip: SKIP }, (t) => {
  const namespace = makeNamespace(t, 'gone');
  const tun = openTest(t, namespace);
  const poller = new LinuxPoller();
  poller.add(tun.descriptor, 1);
  namespace.run('ip link del p6n0');
  assert.equal(poller.wait(5000), 1);
  const packets = new PacketBatch(nativeSlab(8 * PLACES.stride), 4);
  assert.equal(tun.read(packets, PLACES, 0), EBADFD);
  poller.close();
});

test('tun: a name that another holds is an error that says so', { skip: SKIP }, (t) => {
  const namespace = makeNamespace(t, 'busy');
  openTest(t, namespace);
  assert.throws(() => openTest(t, namespace), withCode('ALREADY_RUNNING'));
});

test('tun: a persistent interface stays with its addresses', { skip: SKIP }, async (t) => {
  const namespace = makeNamespace(t, 'stays');
  const options = { name: 'p6n0', namespace: namespace.path, mtu: 1420, persistent: true };
  const before = openTun(options);
  await LINUX_LINKS.configure(settingsFor(namespace));
  before.close();
  assert.match(namespace.run('ip -6 addr show dev p6n0'), new RegExp(ADDRESS));
  const after = openTun(options);
  assert.equal(await LINUX_LINKS.configure(settingsFor(namespace)), 0);
  after.remove();
  assert.throws(() => namespace.run('ip link show dev p6n0'));
  openTun(options).close();
  await LINUX_LINKS.remove(namespace.path, 'p6n0');
  await LINUX_LINKS.remove(namespace.path, 'p6n0');
  assert.throws(() => namespace.run('ip link show dev p6n0'));
});

test('sockets: bound to an interface before their address is there', { skip: SKIP }, async (t) => {
  const namespace = makeNamespace(t, 'sockets');
  const at = { device: 'lo', address: ADDRESS, port: 6600 };
  const fds = LINUX_NAMESPACES.within(namespace.path, () => ({
    tcp: LINUX_DEVICE_SOCKETS.listenTcp(at),
    udp: LINUX_DEVICE_SOCKETS.bindUdp(at),
  }));
  const server = createServer((socket) => socket.end('hello')).listen({ fd: fds.tcp });
  // A dgram socket that is given a descriptor listens at once, before an event could be waited for.
  const udp = createSocket('udp6').bind({ fd: fds.udp });
  t.after(() => server.close());
  t.after(() => udp.close());
  await once(server, 'listening');
  namespace.run(`ip addr add ${ADDRESS}/128 dev lo nodad`);

  assert.equal(await namespace.runAsync(`ncat --recv-only ${ADDRESS} 6600`), 'hello');
  const heard = once(udp, 'message') as Promise<[Buffer]>;
  await namespace.runAsync(`ncat -u --send-only ${ADDRESS} 6600`, 'hello');
  assert.equal((await heard)[0].toString(), 'hello');

  const again = (): unknown =>
    LINUX_NAMESPACES.within(namespace.path, () => LINUX_DEVICE_SOCKETS.listenTcp(at));
  assert.throws(again, withCode('PORT_TAKEN'));
});

test('sockets: a packet through another interface does not reach them', {
  skip: SKIP,
}, async (t) => {
  const [namespace, neighbour] = [makeNamespace(t, 'device'), makeNamespace(t, 'near')];
  joinNamespaces(namespace, '2001:db8::1/64', neighbour, '2001:db8::2/64');
  neighbour.run(`ip route add ${ADDRESS} via 2001:db8::1`);
  namespace.run(`ip addr add ${ADDRESS}/128 dev lo nodad`);
  const listen = (device: string): Server => {
    const at = { device, address: ADDRESS, port: 6600 };
    const fd = LINUX_NAMESPACES.within(namespace.path, () => LINUX_DEVICE_SOCKETS.listenTcp(at));
    const server = createServer((socket) => socket.end('hello')).listen({ fd });
    t.after(() => server.close());
    return server;
  };
  const server = listen('lo');
  const knock = (): Promise<string> => neighbour.runAsync(`ncat --recv-only ${ADDRESS} 6600`);
  await assert.rejects(knock(), /refused/);
  // The same through the interface that a socket is bound to: the neighbour does get here.
  server.close();
  const [link = ''] = namespace.run('ls /sys/class/net').match(/v[0-9a-f]{10}/) ?? [];
  listen(link);
  assert.equal(await knock(), 'hello');
});

function openTest(t: TestContext, namespace: TestNamespace): Tun {
  const tun = openTun({ name: 'p6n0', namespace: namespace.path, mtu: 1420, persistent: false });
  t.after(() => tun.close());
  return tun;
}

function settingsFor(namespace: TestNamespace): LinkSettings {
  return {
    namespace: namespace.path,
    name: 'p6n0',
    mtu: 1420,
    addresses: [
      { address: 'fdaa::3' as Ipv6Address, preferred: false },
      { address: ADDRESS, preferred: true },
    ],
    routes: ['fdaa::/16'],
    exclusive: false,
  };
}

/** The offset of the next packet that is an ICMPv6 message of that type. */
async function nextPacket(tun: Tun, packets: PacketBatch, type: number): Promise<number> {
  const poller = new LinuxPoller();
  poller.add(tun.descriptor, 0);
  try {
    for (;;) {
      // Lets the child processes of this one go on.
      await new Promise((resolve) => setImmediate(resolve));
      if (poller.wait(10) === 0) continue;
      packets.clear();
      assert.equal(tun.read(packets, PLACES, 0), 0);
      for (let i = 0; i < packets.count; i++) {
        const offset = packets.offsets[i] ?? 0;
        if (packets.slab.bytes[offset + 40] === type) return offset;
      }
    }
  } finally {
    poller.close();
  }
}

function withCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof P6nError && error.code === code;
}

test('news that are lost count as the news that were awaited', { skip: SKIP }, (t) => {
  const namespace = makeNamespace(t, 'news');
  const events = `/sys/class/net/lo/uevent`;
  const tell = (count: number): unknown =>
    execFileSync('ip', [
      ...['netns', 'exec', namespace.name, 'sh', '-c'],
      `i=0; while [ $i -lt ${count} ]; do echo change > ${events}; i=$((i + 1)); done`,
    ]);
  const news = LINUX_NAMESPACES.within(namespace.path, openCloneNews);
  t.after(() => news.close());
  tell(3);
  assert.equal(news.drain(), false);
  // More than a socket keeps.
  tell(2000);
  assert.equal(news.drain(), true);
  while (news.drain());
  tell(3);
  assert.equal(news.drain(), false);
});
