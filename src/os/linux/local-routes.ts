// Makes addresses answer through their own interface alone. Linux delivers a packet for any of its
// addresses whatever card it came through, because the routes to its own addresses stand in table
// `local`, which every look-up asks first. Here they stand in a table of their own that is asked
// for packets of that interface and of the host itself:
//
//   rule 66: from all iif p6n0 lookup 6600     <- local fdaa::3 dev p6n0 ...
//   rule 66: from all iif lo   lookup 6600        (lo: what this host sends)
//
// A packet for such an address that came through another card finds no local route; were it
// forwarded, it would leave by the TUN, where the filter drops it for its source.

import type { Ipv6Address } from '../../ip/ipv6-address.ts';
import { type IpRoute, routePrefix } from './link-plan.ts';

export const LOCAL_TABLE = 6600;
export const LOCAL_RULE_PREFERENCE = 66;
/** The input interface of what the host itself sends. */
const LOOPBACK = 'lo';

/** One rule in the output of `ip -json -6 rule`, as far as it is used. */
export interface IpRule {
  readonly priority?: number;
  readonly iif?: string | undefined;
  readonly table?: string;
}

export interface LocalState {
  readonly rules: readonly IpRule[];
  /** The interface's routes in table `local`. */
  readonly kernel: readonly IpRoute[];
  /** Its routes in LOCAL_TABLE. */
  readonly own: readonly IpRoute[];
}

/** Lines for `ip -6 -batch` that make `addresses` answer through `name` alone. */
export function planLocalRoutes(
  { rules, kernel, own }: LocalState,
  name: string,
  addresses: readonly Ipv6Address[],
): string[] {
  const wanted = new Set(addresses.map((address) => `${address}/128`));
  const found = new Set(own.map(routePrefix));
  const missingRules = [name, LOOPBACK].filter((one) => !hasRule(rules, one));
  return [
    ...missingRules.map((one) => `rule add ${ruleWords(one)}`),
    ...[...wanted].filter((prefix) => !found.has(prefix)).map((one) => add(one, name)),
    ...[...found].filter((prefix) => !wanted.has(prefix)).map((one) => remove(one, name)),
    ...kernel
      .map(routePrefix)
      .filter((prefix) => wanted.has(prefix))
      .map((prefix) => `route del local ${prefix} dev ${name} table local`),
  ];
}

/** Lines that remove the rules again; the routes go with their interface. */
export function planWithoutRules(rules: readonly IpRule[], name: string): string[] {
  return [name, LOOPBACK]
    .filter((one) => hasRule(rules, one))
    .map((one) => `rule del ${ruleWords(one)}`);
}

function hasRule(rules: readonly IpRule[], iif: string): boolean {
  return rules.some(
    (rule) =>
      rule.priority === LOCAL_RULE_PREFERENCE &&
      rule.iif === iif &&
      rule.table === String(LOCAL_TABLE),
  );
}

function ruleWords(iif: string): string {
  return `pref ${LOCAL_RULE_PREFERENCE} iif ${iif} lookup ${LOCAL_TABLE}`;
}

function add(prefix: string, name: string): string {
  return `route add local ${prefix} dev ${name} table ${LOCAL_TABLE}`;
}

function remove(prefix: string, name: string): string {
  return `route del local ${prefix} dev ${name} table ${LOCAL_TABLE}`;
}
