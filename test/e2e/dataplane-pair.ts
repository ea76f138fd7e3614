// Two real data planes in processes of their own, with instances in network namespaces, on whatever
// lies between them.

import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { Ipv6Address } from '../../src/ip/ipv6-address.ts';
import type { LinkSettings } from '../../src/os/links.ts';
import { LISTEN_PORT, Mesh, type MeshInstance, MTU } from '../fakes/mesh.ts';
import { type DataplaneHost, startHost } from './dataplane-host.ts';
import { joinNamespaces, makeNamespace, type TestNamespace } from './namespaces.ts';

export interface TwoHosts {
  readonly mesh: Mesh;
  readonly namespaces: readonly [TestNamespace, TestNamespace];
  readonly hosts: readonly [DataplaneHost, DataplaneHost];
  /** Of network 1 on host 0 and on host 1, and of network 2 on host 1. */
  readonly instances: readonly [MeshInstance, MeshInstance, MeshInstance];
  readonly inside: readonly [TestNamespace, TestNamespace, TestNamespace];
}

/** What lies between the two hosts. */
export interface Underlay {
  readonly addresses: readonly [string, string];
  readonly join: (t: TestContext, one: TestNamespace, other: TestNamespace) => void;
}

/** Joined by a veth pair with 10.9.0.1 and 10.9.0.2. */
const ONE_LINK: Underlay = {
  addresses: ['10.9.0.1', '10.9.0.2'],
  join: (_t, one, other) => joinNamespaces(one, '10.9.0.1/24', other, '10.9.0.2/24'),
};

/** Two hosts with their links up. */
export async function startTwoHosts(
  t: TestContext,
  underlay: Underlay = ONE_LINK,
  mtu: number = MTU,
): Promise<TwoHosts> {
  const namespaces = [makeNamespace(t, 'a'), makeNamespace(t, 'b')] as const;
  underlay.join(t, ...namespaces);
  const inside = [makeNamespace(t, 'ia'), makeNamespace(t, 'ib'), makeNamespace(t, 'ic')] as const;
  const mesh = new Mesh(() => new Uint8Array(randomBytes(32)), mtu);
  for (const address of underlay.addresses) mesh.addHost({ address, port: LISTEN_PORT });
  const instances = [
    mesh.addInstance(0, 1, inside[0].path),
    mesh.addInstance(1, 1, inside[1].path),
    mesh.addInstance(1, 2, inside[2].path),
  ] as const;
  const hosts = [startHost(t, namespaces[0]), startHost(t, namespaces[1])] as const;
  await Promise.all(hosts.map((host, number) => host.start(mesh.configOf(number))));
  await Promise.all([
    ...hosts.map((host, number) => configureOwnLink(host, mesh, number, mtu)),
    ...instances.map(({ host, address }, number) =>
      hosts[host]?.configureLink(linkOf(inside[number] as TestNamespace, address, mtu)),
    ),
  ]);
  return { mesh, namespaces, hosts, instances, inside };
}

/** Tries again while nobody listens. */
export async function untilListening(connect: () => Promise<string>): Promise<void> {
  for (;;) {
    try {
      await connect();
      return;
    } catch (error) {
      if (!String(error).includes('refused')) throw error;
    }
  }
}

function configureOwnLink(
  host: DataplaneHost,
  mesh: Mesh,
  number: number,
  mtu: number,
): Promise<number> {
  const address = mesh.hosts[number]?.address as Ipv6Address;
  return host.configureLink(linkOf(undefined, address, mtu));
}

export function linkOf(
  namespace: TestNamespace | undefined,
  address: Ipv6Address,
  mtu: number = MTU,
): LinkSettings {
  return {
    namespace: namespace?.path,
    name: 'p6n0',
    mtu,
    addresses: [{ address, preferred: true }],
    routes: ['fdaa::/16'],
    exclusive: false,
  };
}
