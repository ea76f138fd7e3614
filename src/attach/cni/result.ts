// Results of ADD in the version of the network's configuration: ours alone, or behind those of the
// plugins before.

import type { InstanceView } from '../../api/contract/instances.ts';
import type { Network, PreviousResult } from './configuration.ts';

/** What all instances reach through their interface. */
export const ROUTE = 'fdaa::/16';
const NAMESERVER = 'fdaa::3';
/** A TUN has no hardware address; engines do not take an interface without one. */
const NO_MAC = '00:00:00:00:00:00';

export interface ResultFacts {
  readonly instance: Pick<InstanceView, 'address'>;
  readonly interfaceName: string;
  /** Path of the container's namespace. */
  readonly namespace: string;
}

/**
 * The result of a network for an instance in it. What a plugin before has said stays; `fdaa::3`
 * goes before its name servers, as it answers for all names. The network's own `dns` goes before
 * both.
 */
export function makeResult(network: Network, facts: ResultFacts): object {
  const { fields, previous = {}, version } = network;
  const interfaces = list(previous.interfaces);
  const ip = {
    ...(version === '0.4.0' ? { version: '6' } : {}),
    address: withLength(facts.instance.address),
    interface: interfaces.length,
  };
  const own = { name: facts.interfaceName, mac: NO_MAC, sandbox: facts.namespace };
  return {
    ...previous,
    cniVersion: version,
    interfaces: [...interfaces, own],
    ips: [...list(previous.ips), ip],
    routes: [...list(previous.routes), { dst: ROUTE }],
    dns: fields['dns'] ?? withNameserver(previous.dns),
  };
}

/** The interface that has `address` by a result of makeResult(). */
export function interfaceWith(
  { interfaces, ips }: PreviousResult,
  address: string,
): string | undefined {
  const ip = list(ips).find((one) => one['address'] === withLength(address));
  const name = list(interfaces)[Number(ip?.['interface'])]?.['name'];
  return typeof name === 'string' ? name : undefined;
}

/** The result of a plugin before as this network's, for a container that p6n leaves alone. */
export function passOn({ previous, version }: Network): object {
  return { ...previous, cniVersion: version };
}

function withLength(address: string): string {
  return `${address}/128`;
}

function withNameserver(before: PreviousResult['dns']): object {
  const nameservers = before?.['nameservers'];
  const others = Array.isArray(nameservers) ? nameservers : [];
  return { ...before, nameservers: [NAMESERVER, ...others.filter((one) => one !== NAMESERVER)] };
}

function list<T>(entries: readonly T[] | null | undefined): readonly T[] {
  return entries ?? [];
}
