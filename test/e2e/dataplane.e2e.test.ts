// Two real data planes in processes of their own, joined by a veth pair, with instances in network
// namespaces.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { P6nError } from '../../src/base/errors.ts';
import type { PrivateKey } from '../../src/wireguard/crypto/crypto.ts';
import { LISTEN_PORT } from '../fakes/mesh.ts';
import { startHost } from './dataplane-host.ts';
import { linkOf, startTwoHosts, untilListening } from './dataplane-pair.ts';
import { makeNamespace, SKIP } from './namespaces.ts';

const OPTIONS = { skip: SKIP, timeout: 60_000 };

test(
  'dataplane: ping and TCP cross the tunnel between instances of two hosts',
  OPTIONS,
  async (t) => {
    const { hosts, inside, instances } = await startTwoHosts(t);
    const [one, other] = inside;
    assert.match(
      await one.runAsync(`ping -6 -c 3 -i 0.2 -W 10 ${instances[1].address}`),
      / 0% packet loss/,
    );
    assert.match(
      await other.runAsync(`ping -6 -c 1 -s 1372 -W 10 ${instances[0].address}`),
      / 0% packet/,
    );
    const received = other.runAsync(`ncat -l -6 --recv-only ${instances[1].address} 5000`);
    const sent = 'x'.repeat(300_000);
    await untilListening(() =>
      one.runAsync(`ncat -6 --send-only ${instances[1].address} 5000`, sent),
    );
    assert.equal((await received).length, sent.length);

    const counters = await hosts[0].counters();
    assert.equal(counters['device_handshakes_completed'], 1);
    assert.ok((counters['device_sent_data'] ?? 0) > 200);
    const [peer] = await hosts[0].peers();
    assert.deepEqual(peer?.endpoint, { address: '10.9.0.2', port: LISTEN_PORT });
    assert.ok((peer?.lastHandshakeAt ?? 0) > 0 && (peer?.sentBytes ?? 0) > sent.length);
    await hosts[1].event('handshake');
  },
);

test('dataplane: the hosts reach each other on their own TUNs', OPTIONS, async (t) => {
  const { mesh, namespaces } = await startTwoHosts(t);
  const [, other] = mesh.hosts;
  assert.match(
    await namespaces[0].runAsync(`ping -6 -c 2 -i 0.2 -W 10 ${other?.address}`),
    / 0% packet/,
  );
});

test('dataplane: what is not allowed is dropped and answered at once', OPTIONS, async (t) => {
  const { hosts, inside, instances } = await startTwoHosts(t);
  const ping = (address: string): Promise<string> =>
    inside[0].runAsync(`ping -6 -c 1 -W 5 ${address}`);
  await assert.rejects(ping(instances[2].address), /Administratively prohibited/);
  // An address of the other host that no instance has: the other host says so, through the tunnel.
  const missing = instances[1].address.replace(/:2$/, ':3').replace(/[0-9a-f]+:3$/, 'dead:2');
  await assert.rejects(ping(missing), /Address unreachable/);
  const [here, there] = await Promise.all(hosts.map((host) => host.counters()));
  assert.equal(here?.['filter_drop_other_network'], 1);
  assert.equal(here?.['rejections_to_tuns'], 1);
  assert.equal(there?.['filter_drop_no_such_instance'], 1);
  assert.equal(there?.['rejections_to_peers'], 1);
});

test('dataplane: instances of one host reach each other without WireGuard', OPTIONS, async (t) => {
  const setup = await startTwoHosts(t);
  const { mesh, hosts, inside, instances } = setup;
  const near = makeNamespace(t, 'near');
  const neighbour = mesh.addInstance(0, 1, near.path);
  await hosts[0].applyConfig(mesh.configOf(0));
  await hosts[0].configureLink(linkOf(near, neighbour.address));
  const before = (await hosts[0].counters())['device_sent_data'];
  assert.match(
    await inside[0].runAsync(`ping -6 -c 2 -i 0.2 -W 10 ${neighbour.address}`),
    / 0% packet/,
  );
  assert.equal((await hosts[0].counters())['device_sent_data'], before);

  // Gone again: its address answers as one that nobody has.
  mesh.instances.pop();
  await hosts[0].applyConfig(mesh.configOf(0));
  await assert.rejects(inside[0].runAsync(`ping -6 -c 1 -W 5 ${neighbour.address}`), /unreachable/);
  assert.throws(() => near.run('ip link show dev p6n0'));
  assert.match(
    await inside[0].runAsync(`ping -6 -c 1 -W 10 ${instances[1].address}`),
    / 0% packet loss/,
  );
});

test(
  'dataplane: a peer that goes away takes its packets with it, and comes back',
  OPTIONS,
  async (t) => {
    const { mesh, hosts, inside, instances } = await startTwoHosts(t);
    const config = mesh.configOf(0);
    const alone = { ...config, device: { ...config.device, peers: [] } };
    const ping = (): Promise<string> =>
      inside[0].runAsync(`ping -6 -c 1 -W 5 ${instances[1].address}`);
    await ping();
    await hosts[0].applyConfig(alone);
    await assert.rejects(ping(), /unreachable|No route/);
    assert.deepEqual(await hosts[0].peers(), []);
    await hosts[0].applyConfig(config);
    await ping();
  },
);

test('dataplane: a TUN that cannot be made fails alone and is tried again', OPTIONS, async (t) => {
  const { mesh, hosts, inside, instances } = await startTwoHosts(t);
  mesh.addInstance(0, 1, '/run/netns/p6n-there-is-none');
  for (let i = 0; i < 2; i++) {
    await assert.rejects(hosts[0].applyConfig(mesh.configOf(0)), withCode('NAMESPACE_INVALID'));
  }
  assert.match(
    await inside[0].runAsync(`ping -6 -c 1 -W 10 ${instances[1].address}`),
    / 0% packet loss/,
  );
});

test(
  'dataplane: an interface that goes away is an event, and is made again',
  OPTIONS,
  async (t) => {
    const { mesh, hosts, inside, instances } = await startTwoHosts(t);
    inside[0].run('ip link del p6n0');
    const event = await hosts[0].event('tun-failed');
    assert.ok(event.type === 'tun-failed' && event.tun === instances[0].config.tun);
    await hosts[0].applyConfig(mesh.configOf(0));
    await hosts[0].configureLink(linkOf(inside[0], instances[0].address));
    assert.match(
      await inside[0].runAsync(`ping -6 -c 1 -W 10 ${instances[1].address}`),
      / 0% packet loss/,
    );
  },
);

test('dataplane: start errors name what is missing', OPTIONS, async (t) => {
  const { mesh, namespaces } = await startTwoHosts(t);
  const second = startHost(t, namespaces[0]);
  await assert.rejects(second.start(mesh.configOf(0)), withCode('PORT_TAKEN'));
  await assert.rejects(
    second.start(mesh.configOf(0, LISTEN_PORT + 1)),
    withCode('ALREADY_RUNNING'),
  );
  const ends = second.events.filter(({ type }) => type === 'failed');
  assert.deepEqual(ends, [], 'what start() says is no event as well');
});

test(
  'dataplane: a worker that fails is an event, and everything after it an error',
  OPTIONS,
  async (t) => {
    const { mesh, hosts } = await startTwoHosts(t);
    const config = mesh.configOf(0);
    const privateKey = new Uint8Array(0) as PrivateKey;
    const broken = { ...config, device: { ...config.device, privateKey } };
    await assert.rejects(hosts[0].applyConfig(broken), withCode('INTERNAL'));
    await hosts[0].event('failed');
    await assert.rejects(hosts[0].applyConfig(config), withCode('INTERNAL'));
    await assert.rejects(hosts[0].peers(), withCode('INTERNAL'));
  },
);

test('dataplane: stop() closes everything', OPTIONS, async (t) => {
  const { mesh, namespaces, hosts, inside } = await startTwoHosts(t);
  await hosts[0].stop();
  assert.throws(() => inside[0].run('ip link show dev p6n0'));
  const next = startHost(t, namespaces[0]);
  assert.equal(await next.start(mesh.configOf(0)), 'openssl', 'the slow crypto was chosen');
});

function withCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof P6nError && error.code === code;
}
