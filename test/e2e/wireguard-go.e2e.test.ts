// Our data plane and wireguard-go as hosts of one mesh: both begin, both roam, data goes both ways.
// What is behind wireguard-go has an address with the host id that its peer has here.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { wireguardPeerAddress } from '../../src/addressing/layout.ts';
import type { EndpointAddress, PeerConfig } from '../../src/device/config.ts';
import type { Ipv6Address } from '../../src/ip/ipv6-address.ts';
import type { LinkSettings } from '../../src/os/links.ts';
import type { SymmetricKey } from '../../src/wireguard/crypto/crypto.ts';
import { LISTEN_PORT, Mesh, MTU } from '../fakes/mesh.ts';
import { type DataplaneHost, startHost } from './dataplane-host.ts';
import { joinNamespaces, makeNamespace, SKIP, type TestNamespace } from './namespaces.ts';
import { NO_WIREGUARD_GO, startWireguardGo, type WireguardGo } from './wireguard-go.ts';

const OPTIONS = { skip: SKIP || NO_WIREGUARD_GO, timeout: 60_000 };
const GATEWAY_PORT = LISTEN_PORT + 1;
const THEIR_PORT = 51_900;

interface Setup {
  readonly host: DataplaneHost;
  readonly theirs: WireguardGo;
  /** Where the outer addresses are. */
  readonly ourNamespace: TestNamespace;
  readonly theirNamespace: TestNamespace;
  /** Where our instance is, and its address. */
  readonly inside: TestNamespace;
  readonly ourAddress: string;
  readonly theirAddress: string;
  setTheirPeer(): void;
}

test('wireguard-go: answers our handshake, data goes both ways', OPTIONS, async (t) => {
  const setup = await start(t, { weKnowThem: true, presharedKey: newKey() });
  await pingThem(setup, 3);
  await pingUs(setup, 3);
  await sendTcp(setup);
  const [peer] = await setup.host.peers();
  assert.ok((peer?.lastHandshakeAt ?? 0) > 0);
  assert.equal((await setup.host.counters())['device_handshakes_completed'], 1);
});

test('wireguard-go: begins, and we answer', OPTIONS, async (t) => {
  const setup = await start(t, { theyKnowUs: true, presharedKey: newKey() });
  await pingUs(setup, 3);
  await pingThem(setup, 3);
  await setup.host.event('handshake');
  assert.match(setup.theirs.show('latest-handshakes'), /\t[1-9]\d+$/);
});

test('wireguard-go: over IPv6, without a preshared key', OPTIONS, async (t) => {
  const setup = await start(t, { weKnowThem: true, outer: 6 });
  await pingThem(setup, 2);
  await pingUs(setup, 2);
  assert.match(setup.theirs.show('endpoints'), /\[2001:db8:9::1\]:51820$/);
});

test('wireguard-go: no session with another preshared key', OPTIONS, async (t) => {
  const setup = await start(t, { theyKnowUs: true, presharedKey: newKey(), theirKey: newKey() });
  await assert.rejects(setup.theirNamespace.runAsync(`ping -6 -c 1 -W 2 ${setup.ourAddress}`));
  const counters = await setup.host.counters();
  assert.ok((counters['device_sent_response'] ?? 0) > 0);
  assert.equal(counters['device_handshakes_completed'], 0);
});

test('wireguard-go: moves to another address, and we follow', OPTIONS, async (t) => {
  const setup = await start(t, { weKnowThem: true, theyKnowUs: true });
  await pingThem(setup, 1);
  moveTo(setup.theirNamespace, '10.9.0.2/24', '10.9.0.77/24');
  // wireguard-go keeps to a source address that it has lost until it is told an endpoint.
  setup.setTheirPeer();
  await pingUs(setup, 1);
  await pingThem(setup, 2);
  const event = await setup.host.event('roamed');
  assert.ok(event.type === 'roamed');
  assert.deepEqual(event.endpoint, { address: '10.9.0.77', port: THEIR_PORT });
  const [peer] = await setup.host.peers();
  assert.deepEqual(peer?.endpoint, event.endpoint);
});

test(
  'wireguard-go: follows when we move, although our source address is gone',
  OPTIONS,
  async (t) => {
    const setup = await start(t, { weKnowThem: true, theyKnowUs: true });
    await pingThem(setup, 1);
    await pingUs(setup, 1);
    moveTo(setup.ourNamespace, '10.9.0.1/24', '10.9.0.88/24');
    await pingThem(setup, 2);
    assert.match(setup.theirs.show('endpoints'), /\t10\.9\.0\.88:51820$/);
    await pingUs(setup, 1);
  },
);

test('wireguard-go: we answer from the address that was spoken to', OPTIONS, async (t) => {
  const setup = await start(t, { theyKnowUs: true, theirEndpointOfUs: '10.9.0.99' });
  await pingUs(setup, 2);
  await pingThem(setup, 2);
  assert.match(setup.theirs.show('endpoints'), /\t10\.9\.0\.99:51820$/);
});

test(
  'wireguard-go: as a laptop behind a gateway host, in its network alone',
  OPTIONS,
  async (t) => {
    const [a, b, laptop] = [makeNamespace(t, 'a'), makeNamespace(t, 'b'), makeNamespace(t, 'lap')];
    const inside = [
      makeNamespace(t, 'i0'),
      makeNamespace(t, 'i1'),
      makeNamespace(t, 'i2'),
    ] as const;
    joinNamespaces(a, '10.9.0.1/24', b, '10.9.0.2/24');
    joinNamespaces(a, '10.9.1.1/24', laptop, '10.9.1.2/24');
    const mesh = new Mesh(() => new Uint8Array(randomBytes(32)));
    const gateway = mesh.addHost({ address: '10.9.0.1', port: LISTEN_PORT });
    mesh.addHost({ address: '10.9.0.2', port: LISTEN_PORT });
    // On the gateway, on the other host, and on the gateway in another network.
    const near = mesh.addInstance(0, 1, inside[0].path);
    const far = mesh.addInstance(1, 1, inside[1].path);
    const foreign = mesh.addInstance(0, 2, inside[2].path);
    const address = wireguardPeerAddress(near.network, gateway.id, 1);
    const theirs = await startWireguardGo(t, laptop, { address, listenPort: THEIR_PORT, mtu: MTU });
    theirs.setPeer({ publicKey: gateway.publicKey, endpoint: at('10.9.1.1', GATEWAY_PORT) });

    const config = mesh.configOf(0);
    const peer: PeerConfig = {
      publicKey: theirs.keys.publicKey,
      route: { kind: 'prefixes', prefixes: [`${address}/128`] },
    };
    const hosts = [startHost(t, a), startHost(t, b)] as const;
    await hosts[0].start({
      ...config,
      gateway: {
        listenPort: GATEWAY_PORT,
        device: { privateKey: config.device.privateKey, peers: [peer] },
      },
      filter: { ...config.filter, wireguardPeers: [{ network: near.network, peer: 1 }] },
    });
    await hosts[1].start(mesh.configOf(1));
    for (const [index, instance] of mesh.instances.entries()) {
      await hosts[instance.host]?.configureLink(instanceLink(inside[index]!, instance.address));
    }
    const ping = (to: string): Promise<string> => laptop.runAsync(`ping -6 -c 2 -i 0.2 -W 5 ${to}`);
    assert.match(await ping(near.address), / 0% packet loss/);
    assert.match(await ping(far.address), / 0% packet loss/);
    await assert.rejects(ping(foreign.address), /Administratively prohibited/);
    assert.match(await inside[1].runAsync(`ping -6 -c 1 -W 5 ${address}`), / 0% packet loss/);
    await assert.rejects(inside[2].runAsync(`ping -6 -c 1 -W 5 ${address}`));
    // A source that is not the laptop's own is refused, however it is routed.
    laptop.run(`ip addr add ${near.address.replace(/:2$/, ':3')}/128 dev lo`);
    await assert.rejects(ping(`-I ${near.address.replace(/:2$/, ':3')} ${far.address}`));
    assert.ok(((await hosts[0].counters())['device_drop_source_not_allowed'] ?? 0) > 0);
  },
);

interface StartOptions {
  readonly weKnowThem?: boolean;
  readonly theyKnowUs?: boolean;
  readonly presharedKey?: Uint8Array;
  /** Theirs, when it is another one. */
  readonly theirKey?: Uint8Array;
  readonly outer?: 4 | 6;
  /** A second address of ours that they speak to. */
  readonly theirEndpointOfUs?: string;
}

async function start(t: TestContext, options: StartOptions): Promise<Setup> {
  const { outer = 4, presharedKey } = options;
  const [ours, theirs] =
    outer === 4 ? ['10.9.0.1', '10.9.0.2'] : ['2001:db8:9::1', '2001:db8:9::2'];
  const length = outer === 4 ? 24 : 64;
  const [a, b, inside] = [makeNamespace(t, 'a'), makeNamespace(t, 'b'), makeNamespace(t, 'in')];
  joinNamespaces(a, `${ours}/${length}`, b, `${theirs}/${length}`);
  const second = options.theirEndpointOfUs;
  if (second !== undefined) a.run(`ip addr add ${second}/24 dev ${linkOf(a)}`);

  const mesh = new Mesh(() => new Uint8Array(randomBytes(32)));
  const self = mesh.addHost();
  mesh.addHost();
  const ourInstance = mesh.addInstance(0, 1, inside.path);
  const theirInstance = mesh.addInstance(1, 1);
  const wireguardGo = await startWireguardGo(t, b, {
    address: theirInstance.address,
    listenPort: THEIR_PORT,
    mtu: MTU,
  });
  const theirKey = options.theirKey ?? presharedKey;
  const setTheirPeer = (): void =>
    wireguardGo.setPeer({
      publicKey: self.publicKey,
      ...(theirKey === undefined ? {} : { presharedKey: theirKey }),
      ...(options.theyKnowUs === true ? { endpoint: at(second ?? ours, LISTEN_PORT) } : {}),
    });
  setTheirPeer();

  const host = startHost(t, a);
  const config = mesh.configOf(0);
  const endpoint: EndpointAddress = { address: theirs, port: THEIR_PORT };
  const peer: PeerConfig = {
    publicKey: wireguardGo.keys.publicKey,
    route: { kind: 'host', hostId: mesh.hosts[1]?.id ?? 0, key: 'current' },
    ...(presharedKey === undefined ? {} : { presharedKey: presharedKey as SymmetricKey }),
    ...(options.weKnowThem === true ? { endpoint } : {}),
  };
  await host.start({ ...config, device: { ...config.device, peers: [peer] } });
  await host.configureLink(instanceLink(inside, ourInstance.address));
  return {
    host,
    theirs: wireguardGo,
    ourNamespace: a,
    theirNamespace: b,
    inside,
    ourAddress: ourInstance.address,
    theirAddress: theirInstance.address,
    setTheirPeer,
  };
}

function instanceLink(namespace: TestNamespace, address: Ipv6Address): LinkSettings {
  return {
    namespace: namespace.path,
    name: 'p6n0',
    mtu: MTU,
    addresses: [{ address, preferred: true }],
    routes: ['fdaa::/16'],
    exclusive: false,
  };
}

/** Pings until `count` replies came. */
async function pingThem({ inside, theirAddress }: Setup, count: number): Promise<void> {
  await inside.runAsync(`ping -6 -c ${count} -i 0.2 -w 30 ${theirAddress}`);
}

async function pingUs({ theirNamespace, ourAddress }: Setup, count: number): Promise<void> {
  await theirNamespace.runAsync(`ping -6 -c ${count} -i 0.2 -w 30 ${ourAddress}`);
}

/** More than a window of full-size segments each way, through both padding rules. */
async function sendTcp(setup: Setup): Promise<void> {
  const { inside, theirNamespace, ourAddress, theirAddress } = setup;
  const sent = 'x'.repeat(500_000);
  for (const [from, to, address] of [
    [inside, theirNamespace, theirAddress],
    [theirNamespace, inside, ourAddress],
  ] as const) {
    const received = to.runAsync(`ncat -l -6 --recv-only ${address} 5000`);
    await untilListening(() => from.runAsync(`ncat -6 --send-only ${address} 5000`, sent));
    assert.equal((await received).length, sent.length);
  }
}

/** Tries again while nobody listens. */
async function untilListening(connect: () => Promise<string>): Promise<void> {
  for (;;) {
    try {
      await connect();
      return;
    } catch (error) {
      if (!String(error).includes('refused')) throw error;
    }
  }
}

function moveTo(namespace: TestNamespace, before: string, after: string): void {
  const link = linkOf(namespace);
  namespace.run(`ip addr add ${after} dev ${link}`);
  namespace.run(`ip addr del ${before} dev ${link}`);
  // The second address of a subnet goes with the first one.
  namespace.run(`ip addr replace ${after} dev ${link}`);
}

function linkOf(namespace: TestNamespace): string {
  const [link = ''] = namespace.run('ls /sys/class/net').match(/v[0-9a-f]{10}/) ?? [];
  return link;
}

function newKey(): Uint8Array {
  return new Uint8Array(randomBytes(32));
}

function at(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
