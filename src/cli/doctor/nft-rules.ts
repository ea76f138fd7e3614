// What `nft --json list ruleset` writes (libnftables-json(5)), as tables that can be asked. All of
// it is taken for what anybody may have written: what has another shape is passed over.

import type { Chain, Condition, Rule, Subject, Table, Verdict } from './ruleset.ts';
import { UNKNOWN } from './ruleset.ts';

type Json = Readonly<Record<string, unknown>>;

const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  ip: ['ipv4'],
  ip6: ['ipv6'],
  inet: ['ipv4', 'ipv6'],
};
const META: Readonly<Record<string, Subject>> = {
  l4proto: 'protocol',
  nfproto: 'family',
  iif: 'input device',
  iifname: 'input device',
  oif: 'output device',
  oifname: 'output device',
};
const PORTS: Readonly<Record<string, Subject>> = {
  sport: 'source port',
  dport: 'destination port',
};
/** What counts, tells or changes a packet, and asks for nothing. */
const SILENT: readonly string[] = ['counter', 'log', 'mangle', 'notrack', 'ct helper'];

/** The tables that see packets of `family`. */
export function nftTables(text: string, family: 'ipv4' | 'ipv6'): readonly Table[] {
  const tables = new Map<string, { readonly name: string; readonly chains: Map<string, Chain> }>();
  const listed = objectOf(JSON.parse(text))?.['nftables'];
  for (const entry of Array.isArray(listed) ? listed : []) {
    const { chain, rule } = objectOf(entry) ?? {};
    const its = objectOf(chain ?? rule);
    if (its === undefined || FAMILIES[textOf(its['family'])]?.includes(family) !== true) continue;
    const name = `${textOf(its['family'])} ${textOf(its['table'])}`;
    const table = tables.get(name) ?? { name, chains: new Map<string, Chain>() };
    tables.set(name, table);
    if (chain !== undefined) table.chains.set(textOf(its['name']), chainOf(its));
    const rules = table.chains.get(textOf(its['chain']))?.rules as Rule[] | undefined;
    if (rule !== undefined) rules?.push(...rulesOf(its['expr']));
  }
  return [...tables.values()];
}

function chainOf(its: Json): Chain {
  const isFilter = its['type'] === 'filter';
  return {
    name: textOf(its['name']),
    hook: isFilter ? textOf(its['hook']) : undefined,
    drops: its['policy'] === 'drop',
    rules: [],
  };
}

/** One for each verdict: a map has several. */
function rulesOf(expressions: unknown): readonly Rule[] {
  const rules: Rule[] = [];
  const conditions: Condition[] = [];
  for (const expression of Array.isArray(expressions) ? expressions : []) {
    const [[kind = '', value] = []] = Object.entries(objectOf(expression) ?? {});
    const verdict = verdictOf(kind, value);
    if (verdict !== undefined) rules.push({ conditions: [...conditions], verdict });
    else if (kind === 'match') conditions.push(...conditionsOf(objectOf(value) ?? {}));
    else if (kind === 'vmap') rules.push(...mapped(conditions, objectOf(value) ?? {}));
    else if (!SILENT.includes(kind)) conditions.push(UNKNOWN);
  }
  return rules;
}

/** `ct state vmap { established : accept, invalid : drop }`. */
function mapped(conditions: readonly Condition[], { key, data }: Json): readonly Rule[] {
  const pairs = objectOf(data)?.['set'];
  return (Array.isArray(pairs) ? pairs : []).flatMap((pair: unknown) => {
    const [right, verdicts] = Array.isArray(pair) ? (pair as unknown[]) : [];
    const [[kind = '', value] = []] = Object.entries(objectOf(verdicts) ?? {});
    const verdict = verdictOf(kind, value);
    if (verdict === undefined) return [];
    const more = conditionsOf({ left: key, right, op: '==' });
    return [{ conditions: [...conditions, ...more], verdict }];
  });
}

function verdictOf(kind: string, value: unknown): Verdict | undefined {
  switch (kind) {
    case 'accept':
    case 'return':
    case 'drop':
      return { kind };
    case 'reject':
      return { kind: 'drop' };
    case 'jump':
    case 'goto':
      return { kind, chain: textOf(objectOf(value)?.['target']) };
    default:
      return undefined;
  }
}

function conditionsOf({ left, op, right }: Json): readonly Condition[] {
  const { meta, ct, payload } = objectOf(left) ?? {};
  if (payload !== undefined) return payloadConditions(objectOf(payload) ?? {}, op, right);
  const isState = objectOf(ct)?.['key'] === 'state';
  const subject = isState ? 'state' : META[textOf(objectOf(meta)?.['key'])];
  return [comparison(subject, op, right)];
}

/** A packet without that header does not match, whatever the header's field is compared with. */
function payloadConditions(payload: Json, op: unknown, right: unknown): readonly Condition[] {
  const protocol = textOf(payload['protocol']);
  const field = textOf(payload['field']);
  if (protocol === 'ip' || protocol === 'ip6') {
    const isProtocol = field === 'protocol' || field === 'nexthdr';
    const family: Condition = {
      subject: 'family',
      holds: (one) => one === (protocol === 'ip' ? 'ipv4' : 'ipv6'),
    };
    return [family, isProtocol ? comparison('protocol', op, right) : UNKNOWN];
  }
  const compared = comparison(PORTS[field], op, right);
  if (protocol === 'th') return [compared];
  return [{ subject: 'protocol', holds: (one) => one === protocol }, compared];
}

function comparison(subject: Subject | undefined, op: unknown, right: unknown): Condition {
  if (subject === undefined) return UNKNOWN;
  const wanted = valuesOf(right);
  if (wanted === undefined) return UNKNOWN;
  const isAny = (one: string | number): boolean => wanted.some((value) => isLike(value, one));
  if (op === '==' || op === 'in') return { subject, holds: isAny };
  if (op === '!=') return { subject, holds: (one) => !isAny(one) };
  return UNKNOWN;
}

/** Undefined for a set that has a name: its elements are listed elsewhere. */
function valuesOf(right: unknown): readonly unknown[] | undefined {
  if (typeof right === 'string' && right.startsWith('@')) return undefined;
  const set = objectOf(right)?.['set'] ?? right;
  return Array.isArray(set) ? set : [set];
}

function isLike(wanted: unknown, one: string | number): boolean {
  if (typeof one === 'string') {
    if (typeof wanted !== 'string' || !wanted.endsWith('*')) return wanted === one;
    return one.startsWith(wanted.slice(0, -1));
  }
  const range = objectOf(wanted)?.['range'] ?? [wanted, wanted];
  const [low, high] = Array.isArray(range) ? (range as unknown[]) : [];
  return typeof low === 'number' && typeof high === 'number' && one >= low && one <= high;
}

function objectOf(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null ? (value as Json) : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
