// What to change so that an interface is as it shall be: pure, from what `ip -json` says to lines
// for `ip -batch`.

import { canonicalIpv6 } from '../../ip/ipv6-address.ts';
import type { LinkSettings } from '../links.ts';

/** One interface in the output of `ip -json link` and `ip -json addr`, as far as it is used. */
export interface IpLink {
  readonly ifname?: string;
  readonly flags?: readonly string[];
  readonly mtu?: number;
  readonly inet6_addr_gen_mode?: string;
  readonly addr_info?: readonly IpAddress[];
}

export interface IpAddress {
  readonly local?: string;
  readonly prefixlen?: number;
  readonly scope?: string;
  readonly tentative?: boolean;
  readonly dadfailed?: boolean;
  readonly preferred_life_time?: number;
}

/** One route in the output of `ip -json -6 route`. */
export interface IpRoute {
  readonly dst?: string;
  readonly dev?: string;
  readonly protocol?: string;
  readonly type?: string;
}

export interface IpState {
  readonly link: IpLink;
  readonly addresses: readonly IpAddress[];
  readonly routes: readonly IpRoute[];
  /** Of a namespace that is not the daemon's own. */
  readonly loopback: IpLink | undefined;
}

const ADDRESS_BITS = 128;

/** Lines for `ip -6 -batch`, each one change, in an order in which they succeed. */
export function planLink(state: IpState, wanted: LinkSettings): string[] {
  return [
    ...planLoopback(state),
    ...planInterface(state, wanted),
    ...planAddresses(state, wanted),
    ...planRoutes(state, wanted),
  ];
}

function planLoopback({ loopback }: IpState): string[] {
  if (loopback === undefined || isUp(loopback)) return [];
  return ['link set dev lo up'];
}

/** Without an address generation mode the kernel makes no link-local address when it goes up. */
function planInterface({ link }: IpState, wanted: LinkSettings): string[] {
  const device = `dev ${wanted.name}`;
  const lines: string[] = [];
  if (link.inet6_addr_gen_mode !== 'none') lines.push(`link set ${device} addrgenmode none`);
  if (link.mtu !== wanted.mtu) lines.push(`link set ${device} mtu ${wanted.mtu}`);
  if (!isUp(link)) lines.push(`link set ${device} up`);
  return lines;
}

/** No duplicate address detection: a TUN has no neighbours, and the address is usable at once. */
function planAddresses({ addresses }: IpState, wanted: LinkSettings): string[] {
  const device = `dev ${wanted.name}`;
  const found = new Map<string, IpAddress>();
  for (const one of addresses) found.set(`${one.local ?? ''}/${one.prefixlen ?? 0}`, one);
  const lines: string[] = [];
  for (const { address, preferred } of wanted.addresses) {
    const key = `${address}/${ADDRESS_BITS}`;
    const existing = found.get(key);
    found.delete(key);
    if (existing !== undefined && isRight(existing, preferred)) continue;
    if (existing !== undefined) lines.push(`addr del ${key} ${device}`);
    const lifetime = preferred ? '' : ' preferred_lft 0';
    lines.push(`addr add ${key} ${device} nodad${lifetime}`);
  }
  const removed = [...found].filter(([, one]) => one.scope === 'global');
  return [...removed.map(([key]) => `addr del ${key} ${device}`), ...lines];
}

function isRight(address: IpAddress, preferred: boolean): boolean {
  const usable = address.tentative !== true && address.dadfailed !== true;
  return usable && (address.preferred_life_time !== 0) === preferred;
}

function planRoutes({ routes }: IpState, wanted: LinkSettings): string[] {
  const device = `dev ${wanted.name}`;
  const found = new Set(
    routes.filter((route) => route.protocol !== 'kernel').map((route) => routePrefix(route)),
  );
  const prefixes = wanted.routes.map((text) => canonicalPrefix(text));
  const lines = prefixes
    .filter((prefix) => !found.has(prefix))
    .map((prefix) => `route add ${prefix} ${device}`);
  const unwanted = [...found].filter((prefix) => !prefixes.includes(prefix));
  return [...unwanted.map((prefix) => `route del ${prefix} ${device}`), ...lines];
}

/** The destination of a route in one form, with its length. */
export function routePrefix(route: IpRoute): string {
  return canonicalPrefix(route.dst ?? 'default');
}

function canonicalPrefix(text: string): string {
  const [address = '', length = String(ADDRESS_BITS)] = text.split('/');
  const canonical = canonicalIpv6(address);
  return canonical === undefined ? text : `${canonical}/${length}`;
}

function isUp(link: IpLink): boolean {
  return link.flags?.includes('UP') === true;
}
