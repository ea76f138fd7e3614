// What `iptables-save` and `ip6tables-save` write, as tables that can be asked.

import type { Chain, Condition, Rule, Subject, Table, Verdict } from './ruleset.ts';
import { UNKNOWN } from './ruleset.ts';

/** Its chains change addresses and drop nothing. */
const NAT = 'nat';
const SUBJECTS: Readonly<Record<string, Subject>> = {
  '-p': 'protocol',
  '--sport': 'source port',
  '--sports': 'source port',
  '--dport': 'destination port',
  '--dports': 'destination port',
  '-i': 'input device',
  '-o': 'output device',
  '--state': 'state',
  '--ctstate': 'state',
};
/** Words that ask for nothing, with the one that follows. */
const SILENT: readonly string[] = ['-m', '--comment', '--reject-with', '-c'];
const WORD_PATTERN = /"(?:[^"\\]|\\.)*"|\S+/g;

/** Lines that are none of it are passed over. */
export function iptablesTables(text: string): readonly Table[] {
  const tables: { readonly name: string; readonly chains: Map<string, Chain> }[] = [];
  for (const line of text.split('\n')) {
    const words = line.match(WORD_PATTERN) ?? [];
    const [first = '', second = ''] = words;
    if (first.startsWith('*')) tables.push({ name: first.slice(1), chains: new Map() });
    const chains = tables.at(-1)?.chains;
    if (chains === undefined) continue;
    if (first.startsWith(':')) {
      const name = first.slice(1);
      const hook = second === '-' ? undefined : name.toLowerCase();
      chains.set(name, { name, hook, drops: second === 'DROP', rules: [] });
    }
    const chain = first === '-A' ? chains.get(second) : undefined;
    const rule = chain === undefined ? undefined : ruleOf(words.slice(2));
    if (chain !== undefined && rule !== undefined) (chain.rules as Rule[]).push(rule);
  }
  return tables.filter(({ name }) => name !== NAT);
}

/** Undefined for a rule that goes on to the next whatever it meets: it counts, logs or marks. */
function ruleOf(words: readonly string[]): Rule | undefined {
  const conditions: Condition[] = [];
  let isNot = false;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const value = words[at + 1] ?? '';
    if (word === '!') {
      isNot = true;
      continue;
    }
    if (word === '-j' || word === '-g') {
      const verdict = verdictOf(value, word === '-g');
      return verdict === undefined ? undefined : { conditions, verdict };
    }
    if (!SILENT.includes(word)) conditions.push(conditionOf(word, value, isNot));
    isNot = false;
    while (at + 1 < words.length && !/^(?:-|!$)/.test(words[at + 1] ?? '')) at += 1;
  }
  return undefined;
}

function conditionOf(word: string, value: string, isNot: boolean): Condition {
  const subject = SUBJECTS[word];
  if (subject === undefined) return UNKNOWN;
  const wanted = value.toLowerCase().split(',');
  const holds = (one: string | number): boolean =>
    wanted.some((text) => (typeof one === 'number' ? isWithin(text, one) : isLike(text, one)));
  return { subject, holds: (one) => holds(one) !== isNot };
}

/** `80`, `1024:65535`. */
function isWithin(range: string, port: number): boolean {
  const [low = '', high = low] = range.split(':');
  return port >= Number(low) && port <= Number(high || '65535');
}

/** `p6n+` is every name that begins so. */
function isLike(pattern: string, text: string): boolean {
  return pattern.endsWith('+') ? text.startsWith(pattern.slice(0, -1)) : pattern === text;
}

function verdictOf(target: string, isGoto: boolean): Verdict | undefined {
  switch (target) {
    case 'ACCEPT':
      return { kind: 'accept' };
    case 'DROP':
    case 'REJECT':
      return { kind: 'drop' };
    case 'RETURN':
      return { kind: 'return' };
    default:
      return { kind: isGoto ? 'goto' : 'jump', chain: target };
  }
}
