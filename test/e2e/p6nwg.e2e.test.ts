// p6nwg as a program: wireguard-go's command line, the socket of wg(8), an interface that goes up
// and down, moves and is deleted.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { text as consumeText } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { joinNamespaces, makeNamespace, SKIP, type TestNamespace } from './namespaces.ts';
import {
  interfaceName,
  isRunning,
  P6NWG,
  type Program,
  pidsOf,
  socketOf,
  startProgram,
  until,
} from './p6nwg.ts';

const OPTIONS = { skip: SKIP, timeout: 60_000 };
const UEVENT = fileURLToPath(new URL('./uevent.js', import.meta.url));
const PORT = 51_820;

test('p6nwg goes to the background once interface and socket exist', OPTIONS, (t) => {
  const namespace = makeNamespace(t, 'bg');
  const name = interfaceName();
  namespace.run(`${P6NWG} ${name}`);
  t.after(() => endAll(name));
  assert.match(namespace.run(`ip link show ${name}`), /mtu 1420/);
  assert.match(namespace.run(`wg show ${name}`), new RegExp(`^interface: ${name}`));
  assert.equal(pidsOf(name).length, 1);
});

test('p6nwg uses the fast crypto, and does not fall back unseen', OPTIONS, async (t) => {
  const namespace = makeNamespace(t, 'fast');
  const child = spawn('ip', ['netns', 'exec', namespace.name, P6NWG, '-f', interfaceName()], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LOG_LEVEL: 'verbose' },
  });
  t.after(() => child.kill());
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  await until(() => /packets are sealed by/.test(log));
  assert.match(log, /packets are sealed by the fast crypto crypto=openssl/);
});

test('p6nwg says why it cannot be, and leaves nothing behind', OPTIONS, (t) => {
  const namespace = makeNamespace(t, 'why');
  for (const words of [`${P6NWG} a-name-of-16-bytes`, `${P6NWG} -f a-name-of-16-bytes`]) {
    assert.throws(() => namespace.run(words), /not 1 to 15 bytes/);
  }
  assert.throws(() => execFileSync(P6NWG, [], { stdio: 'pipe' }), /Usage: p6nwg/);
  assert.match(execFileSync(P6NWG, ['--version'], { encoding: 'utf8' }), /^p6nwg \d/);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`p6nwg ends by ${signal} and takes interface and socket with it`, OPTIONS, async (t) => {
    const namespace = makeNamespace(t, 'sig');
    const name = interfaceName();
    namespace.run(`${P6NWG} ${name}`);
    const [pid = 0] = pidsOf(name);
    process.kill(pid, signal);
    await until(() => !isRunning(pid));
    assert.ok(!existsSync(socketOf(name)));
    assert.throws(() => namespace.run(`ip link show ${name}`));
  });
}

test(
  'p6nwg ends when its interface is deleted, and may start again at once',
  OPTIONS,
  async (t) => {
    const namespace = makeNamespace(t, 'del');
    const name = interfaceName();
    namespace.run(`${P6NWG} ${name}`);
    const [pid = 0] = pidsOf(name);
    namespace.run(`ip link del ${name}`);
    namespace.run(`${P6NWG} ${name}`);
    await until(() => !isRunning(pid));
    assert.ok(existsSync(socketOf(name)), 'the socket of the second one is left alone');
    assert.match(namespace.run(`wg show ${name}`), /interface/);
    endAll(name);
    await until(() => !existsSync(socketOf(name)));
  },
);

test('p6nwg reclaims the socket of one that was killed', OPTIONS, async (t) => {
  const namespace = makeNamespace(t, 'kill');
  const name = interfaceName();
  namespace.run(`${P6NWG} ${name}`);
  const [pid = 0] = pidsOf(name);
  process.kill(pid, 'SIGKILL');
  await until(() => !isRunning(pid));
  assert.ok(existsSync(socketOf(name)));
  namespace.run(`${P6NWG} ${name}`);
  t.after(() => endAll(name));
  assert.match(namespace.run(`wg show ${name}`), /interface/);
});

test('p6nwg follows its interface to another namespace', OPTIONS, async (t) => {
  const { a, b, ones, inside } = await tunnel(t, { isMoved: true });
  await inside.runAsync(`ping -c 3 -i 0.1 -W 2 10.77.0.2`);
  inside.run(`ip link set ${ones} mtu 9000`);
  await inside.runAsync('ping -c 2 -i 0.1 -W 2 -s 8000 -M dont 10.77.0.2');
  inside.run(`ip link set ${ones} down`);
  await until(() => !sockets(a).includes(`:${PORT}`));
  inside.run(`ip link set ${ones} up`);
  await until(() => sockets(a).includes(`:${PORT}`));
  await inside.runAsync('ping -c 1 -W 2 10.77.0.2');
  assert.ok(b.name !== '');
});

test('p6nwg answers packets that nobody can take', OPTIONS, async (t) => {
  const { ones, inside } = await tunnel(t, {});
  inside.run(`ip route add 10.78.0.0/24 dev ${ones}`);
  inside.run(`ip route add fd78::/64 dev ${ones}`);
  for (const [words, answer] of [
    ['ping -c 1 -W 2 10.78.0.1', /Destination Host Unreachable/],
    ['ping -6 -c 1 -W 2 fd78::1', /Address unreachable/],
  ] as const) {
    await assert.rejects(inside.runAsync(words), answer);
  }
});

test(
  'p6nwg carries congestion marks on the wire, and its handshakes their class',
  OPTIONS,
  async (t) => {
    const { b, inside } = await tunnel(t, { hasTraffic: false });
    const capture = await startCapture(t, b, `-c 4 -v udp and dst port ${PORT}`);
    // The first datagrams of the tunnel: a handshake, then data that is capable of marks.
    await inside.runAsync('ping -c 2 -i 0.2 -W 2 -Q 2 10.77.0.2');
    const classes = [...(await capture.text).matchAll(/tos (0x[0-9a-f]+)/g)].map(
      (match) => match[1],
    );
    assert.deepEqual(classes, ['0x88', '0x88', '0x2', '0x2']);
  },
);

test('p6nwg takes the whole language of wg(8)', OPTIONS, async (t) => {
  const { one, other, a } = await tunnel(t, {});
  const peer = other.publicKey;
  one.set(`fwmark 0x42 peer ${peer} persistent-keepalive 25`);
  assert.match(a.run(`wg showconf ${one.interfaceName}`), /FwMark = 0x42\n/);
  assert.match(one.show('persistent-keepalive'), /\t25$/);
  one.set(`peer ${peer} allowed-ips 10.0.0.0/8,fd00::/8`);
  assert.match(one.show('allowed-ips'), /\t10\.0\.0\.0\/8 fd00::\/8$/);
  one.set(`peer ${peer} allowed-ips 10.0.0.0/8`);
  assert.match(one.show('allowed-ips'), /\t10\.0\.0\.0\/8$/);
  one.set(`fwmark 0 peer ${peer} remove`);
  assert.equal(one.show('peers'), '');
  const port = Number(other.show('listen-port'));
  assert.equal(port, PORT);
  assert.match(one.show('transfer'), /^$/);
});

test('p6nwg counts bytes of UDP payload as the kernel does', OPTIONS, async (t) => {
  const { one, other, inside } = await tunnel(t, { hasTraffic: false });
  await inside.runAsync('ping -c 10 -i 0.01 -W 2 10.77.0.2');
  const [, received, sent] = one.show('transfer').split('\t').map(Number);
  // Ten packets of 84 bytes, padded, in messages of 128; and a handshake.
  assert.deepEqual([received, sent], [10 * 128 + 92, 10 * 128 + 148]);
  assert.match(other.show('transfer'), new RegExp(`\t${10 * 128 + 148}\t${10 * 128 + 92}$`));
});

for (const [family, outer, length] of [
  ['IPv4', (link: number, last: number) => `10.${9 + link}.0.${last}`, 24],
  ['IPv6', (link: number, last: number) => `2001:db8:${link}::${last}`, 64],
] as const) {
  const title = `p6nwg sends another way at once when a route changes (${family})`;
  test(title, OPTIONS, async (t) => {
    const { a, b, one, inside, other } = await tunnel(t, { hasTraffic: false });
    for (const link of [2, 3]) {
      joinNamespaces(a, `${outer(link, 1)}/${length}`, b, `${outer(link, 2)}/${length}`);
    }
    const nowhere = makeNamespace(t, 'no');
    // The peer's place is behind both links.
    const [place, host] = [outer(7, 7), family === 'IPv4' ? 32 : 128];
    b.run(`ip addr add ${place}/${host} dev lo`);
    a.run(`ip route add ${place}/${host} via ${outer(2, 2)}`);
    b.run('sysctl -qw net.ipv4.conf.all.rp_filter=0');
    one.set(`peer ${other.publicKey} endpoint ${family === 'IPv4' ? place : `[${place}]`}:${PORT}`);
    await inside.runAsync('ping -c 2 -i 0.1 -W 2 10.77.0.2');
    // The first link swallows everything, and only the route says so.
    const dead = linkOf(b, `${outer(2, 2)}/`);
    b.run(`ip link set ${dead} netns ${nowhere.name}`);
    nowhere.run(`ip link set ${dead} up`);
    a.run(`ip route replace ${place}/${host} via ${outer(3, 2)}`);
    await inside.runAsync('ping -c 2 -i 0.1 -W 2 10.77.0.2');
  });
}

test(
  'p6nwg keeps to the address that was spoken to when other routes change',
  OPTIONS,
  async (t) => {
    const { a, b, one, other, inside } = await tunnel(t, { hasTraffic: false });
    a.run(`ip addr add 10.9.0.99/24 dev ${linkOf(a, '10.9.0.1/')}`);
    other.set(`peer ${one.publicKey} endpoint 10.9.0.99:${PORT}`);
    await b.runAsync('ping -c 2 -i 0.1 -W 2 10.77.0.1');
    a.run('ip route add 10.99.0.0/16 via 10.9.0.2');
    await inside.runAsync('ping -c 2 -i 0.1 -W 2 10.77.0.2');
    assert.match(other.show('endpoints'), /\t10\.9\.0\.99:/);
  },
);

test(
  'p6nwg begins new sessions when the kernel tells that the machine is a clone',
  OPTIONS,
  async (t) => {
    const { a, one } = await tunnel(t, {});
    const before = one.show('transfer');
    tellGeneration(a, 'SOMETHING=1');
    tellGeneration(a, 'NEW_VMGENID=1');
    const handshakeBytes = 148;
    const sentBytes = (text: string): number => Number(text.split('\t')[2]);
    await until(() => sentBytes(one.show('transfer')) >= sentBytes(before) + handshakeBytes);
  },
);

/**
 * Starts tcpdump on all interfaces of a namespace. It says that it listens once its filter is in
 * place; what came between its socket and its filter it has thrown away.
 */
async function startCapture(
  t: TestContext,
  namespace: TestNamespace,
  words: string,
): Promise<{ readonly text: Promise<string> }> {
  const command = `netns exec ${namespace.name} timeout 20 tcpdump -ni any ${words}`.split(' ');
  const child = spawn('ip', command, { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill());
  const text = consumeText(child.stdout);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (one: string) => {
    said += one;
  });
  await until(() => said.includes('listening on'));
  return { text };
}

/** Tells listeners of a namespace what the kernel tells of its device with the generation id. */
function tellGeneration(namespace: TestNamespace, variable: string): void {
  namespace.run(`${process.execPath} ${UEVENT} ${variable}`);
}

interface Tunnel {
  readonly a: TestNamespace;
  readonly b: TestNamespace;
  /** Where the inner side of the first interface is. */
  readonly inside: TestNamespace;
  readonly one: Program;
  readonly other: Program;
  /** Interface name of the first one. */
  readonly ones: string;
}

/** Two of them, with 10.77.0.1 and fd77::1 on the first and .2 on the other. */
async function tunnel(
  t: TestContext,
  { isMoved = false, hasTraffic = true }: { isMoved?: boolean; hasTraffic?: boolean },
): Promise<Tunnel> {
  const [a, b] = [makeNamespace(t, 'a'), makeNamespace(t, 'b')];
  joinNamespaces(a, '10.9.0.1/24', b, '10.9.0.2/24');
  const [one, other] = await Promise.all([
    startProgram(t, a, P6NWG, { listenPort: PORT }),
    startProgram(t, b, P6NWG, { listenPort: PORT }),
  ]);
  const inside = isMoved ? makeNamespace(t, 'in') : a;
  if (isMoved) a.run(`ip link set ${one.interfaceName} netns ${inside.name}`);
  one.set(`peer ${other.publicKey} endpoint 10.9.0.2:${PORT} allowed-ips 10.77.0.2/32,fd77::2/128`);
  other.set(`peer ${one.publicKey} allowed-ips 10.77.0.1/32,fd77::1/128`);
  for (const [namespace, program, last] of [
    [inside, one, 1],
    [b, other, 2],
  ] as const) {
    // Router solicitations of the kernel are no traffic of the tests.
    namespace.run(`ip link set ${program.interfaceName} addrgenmode none`);
    namespace.run(`ip addr add 10.77.0.${last}/24 dev ${program.interfaceName}`);
    namespace.run(`ip addr add fd77::${last}/64 dev ${program.interfaceName} nodad`);
    namespace.run(`ip link set ${program.interfaceName} up`);
  }
  await until(() => sockets(a).includes(`:${PORT}`) && sockets(b).includes(`:${PORT}`));
  if (hasTraffic) await inside.runAsync('ping -6 -c 1 -W 2 fd77::2');
  return { a, b, inside, one, other, ones: one.interfaceName };
}

/** The interface that has an address which begins so. */
function linkOf(namespace: TestNamespace, address: string): string {
  const lines = namespace.run('ip -o addr').split('\n');
  return lines.find((line) => line.includes(` ${address}`))?.split(/\s+/)[1] ?? '';
}

function endAll(name: string): void {
  for (const pid of pidsOf(name)) process.kill(pid);
}

function sockets(namespace: TestNamespace): string {
  return namespace.run('ss -uan');
}
