// The packet path of one host over TUNs and UDP in memory: which way each packet goes, what it is
// answered, and what a change does to it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataplaneConfig } from '../../../src/dataplane/config.ts';
import { START_INITIATIONS_PER_SECOND } from '../../../src/dataplane/mesh/mesh-wire.ts';
import { moveOutbound, TunState } from '../../../src/dataplane/path/outbound.ts';
import { BATCH_PACKETS } from '../../../src/dataplane/path/places.ts';
import type { PeerConfig } from '../../../src/device/config.ts';
import { REJECTION_BURST } from '../../../src/filter/rejection.ts';
import { Icmpv6Type } from '../../../src/ip/transport.ts';
import type { SessionCipher } from '../../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../../src/wireguard/crypto/noble.ts';
import { LISTEN_PORT, Mesh, type MeshInstance } from '../../fakes/mesh.ts';
import { echo, packet } from '../../filter/packets.ts';
import { HostNode } from '../../sim/host-node.ts';
import { PERFECT, SimNetwork } from '../../sim/network.ts';

const EBADFD = 77;
const EIO = 5;
const SEED = 1;

test('a packet for an instance of this host goes there without WireGuard', () => {
  const { node, here, near } = makeHost();
  node.send(here.config.tun, packet(here.address, near.address, 59));
  assert.deepEqual(
    node.delivered.map(({ tun, destination }) => [tun, destination]),
    [[near.config.tun, near.address]],
  );
  const counters = node.counters();
  assert.equal(counters['packets_to_tuns'], 1);
  assert.equal(counters['device_staged'], 0);
});

test('interfaces that the end of a data plane leaves go when the configuration drops them', () => {
  const { node, mesh, here, near } = makeHost();
  const config = mesh.configOf(0);
  node.apply({ ...config, tuns: config.tuns.filter(({ tun }) => tun !== near.config.tun) });
  node.engine.close();
  assert.equal(node.tuns.get(near.config.tun)?.isRemoved, true);
  assert.equal(node.tuns.get(here.config.tun)?.isClosed, true);
  assert.equal(node.tuns.get(here.config.tun)?.isRemoved, false);
});

test('a packet for a host whose place is unknown is answered at once', () => {
  const { node, here, far } = makeHost();
  node.ping(here.config.tun, here.address, far.address, 1);
  assert.deepEqual(
    node.delivered.map(({ type, tun }) => [type, tun]),
    [[Icmpv6Type.DestinationUnreachable, here.config.tun]],
  );
  assert.equal(node.counters()['rejections_to_tuns'], 1);
});

test('answers to rejected packets are limited for each sender', () => {
  const { node, here, near, far } = makeHost();
  node.answersPings = false;
  for (let id = 0; id < 2 * REJECTION_BURST; id++) {
    node.ping(here.config.tun, here.address, far.address, id);
  }
  assert.equal(node.counters()['rejections_to_tuns'], REJECTION_BURST);
  node.ping(near.config.tun, near.address, far.address, 1);
  assert.equal(node.counters()['rejections_to_tuns'], REJECTION_BURST + 1);
});

test('a batch that was full says that more waits', () => {
  const { node, network, here, near } = makeHost();
  const tun = node.tuns.get(here.config.tun)!;
  for (let i = 0; i < BATCH_PACKETS + 1; i++) tun.waiting.push(echo(here.address, near.address, i));
  const move = (): TunState => moveOutbound(node.engine.pipeline, here.config.tun, network.now);
  assert.deepEqual([move(), move()], [TunState.MoreWaits, TunState.Drained]);
  assert.equal(node.counters()['packets_to_tuns'], BATCH_PACKETS + 1);
});

test('a TUN that cannot be read any more has failed, after its last packets', () => {
  const { node, network, here, near } = makeHost();
  const tun = node.tuns.get(here.config.tun)!;
  tun.waiting.push(echo(here.address, near.address));
  tun.readError = EBADFD;
  const state = moveOutbound(node.engine.pipeline, here.config.tun, network.now);
  assert.equal(state, TunState.Failed);
  assert.equal(node.counters()['packets_to_tuns'], 1);
});

test('a packet that the kernel does not take, or that has no TUN, is counted once', () => {
  const { node, here, near } = makeHost();
  node.tuns.get(near.config.tun)!.writeError = EIO;
  node.ping(here.config.tun, here.address, near.address, 1);
  assert.equal(node.counters()['drop_tun_write'], 1);
  node.engine.pipeline.tuns.remove(near.config.tun);
  node.ping(here.config.tun, here.address, near.address, 1);
  assert.equal(node.counters()['drop_no_tun'], 1);
  assert.equal(node.counters()['packets_to_tuns'], 0);
});

test('an instance that goes away is reached by nobody, and its TUN is closed', () => {
  const { node, mesh, here, near } = makeHost();
  const tun = node.tuns.get(near.config.tun)!;
  mesh.instances.splice(mesh.instances.indexOf(near), 1);
  node.apply(mesh.configOf(0));
  assert.ok(tun.isClosed);
  node.ping(here.config.tun, here.address, near.address, 1);
  assert.equal(node.counters()['filter_drop_no_such_instance'], 1);
  assert.equal(tun.delivered.length, 0);
});

test('before it is configured a host lets nothing pass', () => {
  const { node, here, near, mesh } = makeHost();
  const { filter } = mesh.configOf(0);
  const closed = { ...filter, hosts: [], networks: [], instances: [] };
  node.apply({ ...mesh.configOf(0), filter: closed });
  for (const target of [near.address, 'fdaa::3']) {
    node.ping(here.config.tun, here.address, target, 1);
  }
  assert.equal(node.delivered.length, 0);
});

test('a part of a change that fails does not keep the others from being made', () => {
  const { node, mesh, here, near } = makeHost();
  const config = mesh.configOf(0);
  const badPeer: PeerConfig = {
    ...(config.device.peers[0] as PeerConfig),
    publicKey: new Uint8Array(32).fill(9) as PeerConfig['publicKey'],
    route: { kind: 'prefixes', prefixes: ['fdaa::/16'] },
  };
  const failures = node.apply({
    ...config,
    device: { ...config.device, peers: [badPeer, ...config.device.peers] },
    tuns: [...config.tuns, { tun: 7, name: 'p6n0', namespace: undefined, mtu: 100 }],
    filter: { ...config.filter, region: 'elsewhere' },
  });
  assert.deepEqual(
    failures.map(({ part, error }) => [part.kind, error.code]),
    [
      ['peer', 'VALUE_INVALID'],
      ['tun', 'VALUE_INVALID'],
    ],
  );
  node.ping(here.config.tun, here.address, near.address, 1);
  assert.equal(node.counters()['packets_to_tuns'], 1);
});

test('a filter that cannot be leaves the old one in place', () => {
  const { node, mesh, here, near } = makeHost();
  const config = mesh.configOf(0);
  const [instance] = config.filter.instances;
  const wrong: DataplaneConfig['filter'] = {
    ...config.filter,
    instances: [instance!, instance!],
  };
  const failures = node.apply({ ...config, filter: wrong });
  assert.deepEqual(
    failures.map(({ part }) => part.kind),
    ['filter'],
  );
  node.ping(here.config.tun, here.address, near.address, 1);
  assert.equal(node.counters()['packets_to_tuns'], 1);
});

test('Engine.close() zeroes the keys of every session', (t) => {
  const network = new SimNetwork(SEED, PERFECT);
  const mesh = new Mesh((n) => new Uint8Array(32).fill(n + 1));
  const addresses = [1, 2].map((n) => ({ address: `198.51.100.${n}`, port: LISTEN_PORT }));
  for (const address of addresses) mesh.addHost(address);
  const made = t.mock.method(NOBLE_CRYPTO, 'sessionCipher').mock;
  const [one] = addresses.map(
    (address, n) => new HostNode(network, { config: mesh.configOf(n), address }),
  );
  network.runFor(1_000);
  const ciphers = made.calls.map(({ result }) => result as SessionCipher);
  const disposals = ciphers.map((cipher) => t.mock.method(cipher, 'dispose').mock);
  one?.engine.close();
  assert.ok(disposals.length > 0);
  // Both hosts are in this process; those of one of them are half of all.
  const disposed = disposals.filter((mock) => mock.callCount() > 0);
  assert.equal(disposed.length, disposals.length / 2);
});

test('a host that starts begins with the peers that it can reach, 64 a second', () => {
  const network = new SimNetwork(SEED, PERFECT);
  const mesh = new Mesh((n) => new Uint8Array(32).fill(n + 1));
  const peers = START_INITIATIONS_PER_SECOND + 6;
  for (let n = 0; n <= peers; n++) {
    mesh.addHost({ address: `198.51.100.${n + 1}`, port: LISTEN_PORT });
  }
  mesh.addHost();
  const address = { address: '198.51.100.1', port: LISTEN_PORT };
  const node = new HostNode(network, { config: mesh.configOf(0), address });
  const begun = (): number => node.counters()['device_sent_initiation'] ?? 0;
  assert.equal(begun(), 1);
  network.runFor(999);
  assert.equal(begun(), START_INITIATIONS_PER_SECOND);
  network.runFor(1_000);
  assert.equal(begun(), peers);
  mesh.addHost({ address: '198.51.100.200', port: LISTEN_PORT });
  node.apply(mesh.configOf(0));
  network.runFor(1_000);
  assert.equal(begun(), peers, 'one that comes later waits for a packet');
});

interface Host {
  readonly network: SimNetwork;
  readonly mesh: Mesh;
  readonly node: HostNode;
  readonly here: MeshInstance;
  /** On the same host and network. */
  readonly near: MeshInstance;
  /** On a host that nobody knows the place of. */
  readonly far: MeshInstance;
}

function makeHost(): Host {
  const network = new SimNetwork(SEED, PERFECT);
  const mesh = new Mesh((n) => new Uint8Array(32).fill(n + 1));
  const address = { address: '198.51.100.1', port: LISTEN_PORT };
  mesh.addHost(address);
  mesh.addHost();
  const [here, near, far] = [
    mesh.addInstance(0, 1),
    mesh.addInstance(0, 1),
    mesh.addInstance(1, 1),
  ];
  const node = new HostNode(network, { config: mesh.configOf(0), address });
  return { network, mesh, node, here, near, far };
}
