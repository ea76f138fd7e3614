// Whole hosts on a simulated network: instances reach each other whatever the network does, and
// never anybody of another network. The seed of a run is printed; P6N_SEED replays it.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { NetworkId } from '../../src/addressing/ids.ts';
import { classifyAddress } from '../../src/addressing/layout.ts';
import { randomInteger } from '../../src/base/random.ts';
import { Icmpv6Type } from '../../src/ip/transport.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { keyPair } from '../../src/wireguard/identity.ts';
import { LISTEN_PORT, Mesh, type MeshInstance } from '../fakes/mesh.ts';
import { fragment, packet } from '../filter/packets.ts';
import { HostNode } from './host-node.ts';
import { PERFECT, type SimConditions, SimNetwork } from './network.ts';

const SEED = Number(process.env['P6N_SEED'] ?? randomInt(2 ** 31));
const ROUGH: SimConditions = {
  latencyMs: 20,
  jitterMs: 30,
  loss: 0.1,
  reorder: 0.1,
  duplicate: 0.05,
};
const NAT_ADDRESS = '203.0.113.1';

test('two hosts: a ping between instances crosses, and nothing else does', (t) => {
  const { network, mesh, nodes } = makeHosts(t, { hosts: 2 });
  const [one, other] = [mesh.addInstance(0, 1), mesh.addInstance(1, 1)];
  applyAll(mesh, nodes);
  pingBetween(nodes, one, other, 7);
  network.runFor(1_000);
  assert.ok(sawPong(nodes, one, other, 7));
  assert.equal(nodes[0]?.delivered.length, 1);
  assert.equal(nodes[1]?.delivered.length, 1);
  assertEveryPacketEnds(nodes);
});

test('two hosts: pings cross a network that loses, reorders and repeats', (t) => {
  const { network, mesh, nodes } = makeHosts(t, { hosts: 2, conditions: ROUGH });
  const [one, other] = [mesh.addInstance(0, 1), mesh.addInstance(1, 1)];
  applyAll(mesh, nodes);
  const answered = countPongs(network, nodes, one, other, 300);
  assert.ok(answered > 200, `${answered} of 300`);
  const requests = nodes[1]?.delivered.map((delivered) => delivered.id) ?? [];
  assert.equal(new Set(requests).size, requests.length, 'a repeated datagram came through');
  assertEveryPacketEnds(nodes);
});

test('two hosts: a NAT that forgets is overcome by the next packet from behind it', (t) => {
  const { network, mesh, nodes } = makeHosts(t, { hosts: 2, natHost: 1 });
  const [open, hidden] = [mesh.addInstance(0, 1), mesh.addInstance(1, 1)];
  applyAll(mesh, nodes);
  pingBetween(nodes, open, hidden, 1);
  network.runFor(1_000);
  assert.equal(sawPong(nodes, open, hidden, 1), false, 'nobody knows where the hidden host is');
  assert.equal(nodes[0]?.delivered[0]?.type, Icmpv6Type.DestinationUnreachable);
  for (let round = 0; round < 3; round++) {
    pingBetween(nodes, hidden, open, 10 + round);
    network.runFor(1_000);
    pingBetween(nodes, open, hidden, 20 + round);
    network.runFor(1_000);
    assert.ok(sawPong(nodes, hidden, open, 10 + round), `from behind, round ${round}`);
    assert.ok(sawPong(nodes, open, hidden, 20 + round), `to behind, round ${round}`);
    nodes[1]?.link.rebindNat();
  }
  assertEveryPacketEnds(nodes);
});

test('two hosts: one that forgets everything is reached again', (t) => {
  const { network, mesh, nodes } = makeHosts(t, { hosts: 2 });
  const [one, other] = [mesh.addInstance(0, 1), mesh.addInstance(1, 1)];
  applyAll(mesh, nodes);
  assert.equal(countPongs(network, nodes, one, other, 3), 3);
  nodes[1]?.restart();
  network.runFor(100);
  assert.equal(countPongs(network, nodes, one, other, 1), 1, 'it has begun with its peers itself');
});

test('two hosts: one that forgets everything, also where the other is, is reached again', (t) => {
  const { network, mesh, nodes } = makeHosts(t, { hosts: 2, natHost: 0 });
  const [one, other] = [mesh.addInstance(0, 1), mesh.addInstance(1, 1)];
  applyAll(mesh, nodes);
  assert.equal(countPongs(network, nodes, one, other, 3), 3);
  nodes[1]?.restart();
  let lost = 0;
  while (countPongs(network, nodes, one, other, 1) === 0 && lost < 60) lost += 1;
  // Only the silence tells the host with the old session: a new handshake after 15 s and a jitter.
  assert.ok(lost >= 15 && lost <= 16, `${lost} s`);
});

test('two hosts: one that keeps who it spoke to begins with a host behind a NAT', (t) => {
  const { network, mesh, nodes } = makeHosts(t, { hosts: 2, natHost: 0 });
  const [one, other] = [mesh.addInstance(0, 1), mesh.addInstance(1, 1)];
  applyAll(mesh, nodes);
  assert.equal(countPongs(network, nodes, one, other, 3), 3);
  nodes[1]?.restart({ keepsSessions: true });
  network.runFor(100);
  assert.equal(countPongs(network, nodes, one, other, 1), 1);
});

for (const clockOffsetMs of [3_600_000, -3_600_000]) {
  test(`two hosts: the clock of one is off by ${clockOffsetMs} ms, and nothing is lost`, (t) => {
    const { network, mesh, nodes } = makeHosts(t, { hosts: 2, clockOffsetMs });
    const [one, other] = [mesh.addInstance(0, 1), mesh.addInstance(1, 1)];
    applyAll(mesh, nodes);
    assert.equal(countPongs(network, nodes, one, other, 10), 10);
    for (const node of nodes) {
      node.restart({ keepsSessions: true });
      network.runFor(100);
      assert.equal(countPongs(network, nodes, one, other, 3), 3);
      assert.equal(countPongs(network, nodes, other, one, 3), 3);
    }
  });
}

test('two hosts: packets go on while a host changes its key', (t) => {
  const { network, mesh, nodes } = makeHosts(t, { hosts: 2 });
  const [one, other] = [mesh.addInstance(0, 1), mesh.addInstance(1, 1)];
  applyAll(mesh, nodes);
  assert.equal(countPongs(network, nodes, one, other, 2), 2);
  const config = mesh.configOf(0);
  const [current] = config.device.peers;
  const next = keyPair(NOBLE_CRYPTO, seededSecret(network)());
  assert.ok(current !== undefined);
  const nextPeer = {
    ...current,
    publicKey: next.publicKey,
    route: { kind: 'host', hostId: mesh.hosts[1]?.id ?? 0, key: 'next' } as const,
  };
  const withPeers = (peers: (typeof config)['device']['peers']): typeof config => ({
    ...config,
    device: { ...config.device, peers },
  });
  nodes[0]?.apply(withPeers([current, nextPeer]));
  assert.equal(countPongs(network, nodes, one, other, 2), 2);
  const changed = mesh.configOf(1);
  const own = { ...changed, device: { ...changed.device, privateKey: next.privateKey } };
  nodes[1]?.apply(own);
  // The host with the new key speaks first, by which the other learns that it has it.
  assert.ok(countPongs(network, nodes, other, one, 10) >= 9);
  assert.equal(countPongs(network, nodes, one, other, 2), 2);
  nodes[0]?.apply(withPeers([current, { ...nextPeer, persistentKeepaliveSeconds: 25 }]));
  assert.equal(countPongs(network, nodes, one, other, 2), 2, 'a change keeps the key in use');
  nodes[0]?.apply(withPeers([{ ...nextPeer, route: { ...nextPeer.route, key: 'current' } }]));
  assert.equal(countPongs(network, nodes, one, other, 2), 2);
});

test('twenty hosts: every instance reaches all of its network', (t) => {
  const { network, mesh, nodes } = makeHosts(t, { hosts: 20 });
  const instances = nodes.map((_, host) => mesh.addInstance(host, host % 3));
  applyAll(mesh, nodes);
  const pairs = instances.flatMap((one) =>
    instances
      .filter((other) => other !== one && other.network === one.network)
      .map((other) => [one, other] as const),
  );
  for (const [id, [one, other]] of pairs.entries()) {
    pingBetween(nodes, one, other, id + 1);
    network.runFor(50);
  }
  network.runFor(10_000);
  const missing = pairs.filter(([one, other], id) => !sawPong(nodes, one, other, id + 1));
  assert.deepEqual(missing, []);
  assertIsolation(mesh, nodes);
  assertEveryPacketEnds(nodes);
});

test('twenty hosts: no packet of one network is ever delivered to another', (t) => {
  const { network, mesh, nodes } = makeHosts(t, { hosts: 20, conditions: ROUGH });
  for (let i = 0; i < 60; i++) mesh.addInstance(i % 20, Math.floor(i / 20));
  applyAll(mesh, nodes);
  const { random } = network;
  const pick = (): MeshInstance =>
    mesh.instances[randomInteger(random, 0, mesh.instances.length - 1)] as MeshInstance;
  for (let id = 1; id <= 3_000; id++) {
    const [from, to, forged] = [pick(), pick(), pick()];
    const source = randomInteger(random, 0, 3) === 0 ? forged.address : from.address;
    const bytes = packet(source, to.address, 59);
    const kind = randomInteger(random, 0, 3);
    if (kind === 0) nodes[from.host]?.send(from.config.tun, bytes);
    else if (kind === 1) nodes[from.host]?.send(from.config.tun, fragment(bytes, 0, true));
    else nodes[from.host]?.ping(from.config.tun, source, to.address, id);
    if (id % 10 === 0) network.runFor(200);
    if (id % 500 === 0) nodes[randomInteger(random, 0, 19)]?.restart();
  }
  network.runFor(10_000);
  const pongs = nodes.flatMap((node) =>
    node.delivered.filter((one) => one.type === Icmpv6Type.EchoReply),
  );
  assert.ok(pongs.length > 100, `${pongs.length} pongs`);
  assertIsolation(mesh, nodes);
});

interface Hosts {
  readonly network: SimNetwork;
  readonly mesh: Mesh;
  readonly nodes: readonly HostNode[];
}

function makeHosts(
  t: TestContext,
  options: {
    hosts: number;
    conditions?: SimConditions;
    natHost?: number;
    /** Of the last one. */
    clockOffsetMs?: number;
  },
): Hosts {
  t.diagnostic(`seed ${SEED}`);
  const network = new SimNetwork(SEED, options.conditions ?? PERFECT);
  const mesh = new Mesh(seededSecret(network));
  const nodes: HostNode[] = [];
  for (let number = 0; number < options.hosts; number++) {
    const address = { address: `198.51.100.${number + 1}`, port: LISTEN_PORT };
    const isHidden = number === options.natHost;
    mesh.addHost(isHidden ? undefined : address);
    const config = mesh.configOf(number);
    const nat = isHidden ? { nat: { address: NAT_ADDRESS } } : {};
    const isLast = number === options.hosts - 1;
    const clockOffsetMs = isLast ? (options.clockOffsetMs ?? 0) : 0;
    nodes.push(new HostNode(network, { config, address, clockOffsetMs, ...nat }));
  }
  return { network, mesh, nodes };
}

function seededSecret(network: SimNetwork): () => Uint8Array {
  return () => {
    const secret = new Uint8Array(32);
    network.random.fill(secret);
    return secret;
  };
}

function applyAll(mesh: Mesh, nodes: readonly HostNode[]): void {
  for (const [number, node] of nodes.entries()) {
    assert.deepEqual(node.apply(mesh.configOf(number)), []);
  }
}

function pingBetween(
  nodes: readonly HostNode[],
  from: MeshInstance,
  to: MeshInstance,
  id: number,
): void {
  nodes[from.host]?.ping(from.config.tun, from.address, to.address, id);
}

function sawPong(
  nodes: readonly HostNode[],
  from: MeshInstance,
  to: MeshInstance,
  id: number,
): boolean {
  return nodes[from.host]?.hasPong(from.config.tun, to.address, id) === true;
}

/** One ping a second; how many are answered. Each call draws ids of its own. */
function countPongs(
  network: SimNetwork,
  nodes: readonly HostNode[],
  from: MeshInstance,
  to: MeshInstance,
  count: number,
): number {
  const first = 1 + Math.floor(network.now / 1_000);
  for (let i = 0; i < count; i++) {
    pingBetween(nodes, from, to, first + i);
    network.runFor(1_000);
  }
  return Array.from({ length: count }, (_, i) => first + i).filter((id) =>
    sawPong(nodes, from, to, id),
  ).length;
}

/**
 * By addresses alone: what comes out of an instance's TUN is of its network and is meant for it.
 */
function assertIsolation(mesh: Mesh, nodes: readonly HostNode[]): void {
  for (const instance of mesh.instances) {
    const node = nodes[instance.host];
    for (const one of node?.delivered.filter(({ tun }) => tun === instance.config.tun) ?? []) {
      assert.equal(one.destination, instance.address);
      const source: NetworkId | undefined = classifyAddress(one.source)?.network;
      assert.equal(source, instance.network, `${one.source} came to ${instance.address}`);
    }
  }
}

/** Each packet that came in ended in exactly one counter. */
function assertEveryPacketEnds(nodes: readonly HostNode[]): void {
  for (const node of nodes) {
    const counters = node.counters();
    const sum = (...names: readonly RegExp[]): number =>
      Object.entries(counters)
        .filter(([name]) => names.some((pattern) => pattern.test(name)))
        .reduce((total, [, value]) => total + value, 0);
    const cameIn = sum(/^packets_from_tuns$/, /^device_received_data$/);
    assert.equal(sum(/^filter_/), cameIn, 'judged');
    const toTuns = sum(/^packets_to_tuns$/, /^drop_tun_write$/, /^drop_no_tun$/);
    const toPeers = sum(
      /^device_(sent_data|staged|drop_no_peer|drop_no_endpoint|drop_staging_memory)$/,
    );
    const rejections = sum(/^rejections_/);
    assert.equal(toTuns + toPeers - rejections, sum(/^filter_pass_/), 'passed');
    const datagrams = sum(
      /^device_received_(data|keepalive|initiation|response|cookie_reply)$/,
      /^device_drop_(malformed|mac1|under_load|rate_limited|initiation_|unknown_|response_)/,
      /^device_drop_(cookie_reply_|key_expired|authentication|replayed|inner_|source_)/,
    );
    assert.equal(datagrams, counters['udp_received'], 'received');
  }
}
