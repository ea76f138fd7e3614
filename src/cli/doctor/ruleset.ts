// A packet filter of the kernel, whoever wrote it, and what becomes of a packet there: as much of
// it as it takes to see that a packet is dropped for certain.

/** What a rule can ask for. */
export type Subject =
  | 'family'
  | 'protocol'
  | 'source port'
  | 'destination port'
  | 'input device'
  | 'output device'
  | 'state';

/** What is known of a packet; what is missing may be anything. */
export type Probe = Readonly<Partial<Record<Subject, string | number>>>;

export interface Condition {
  /** Undefined for what cannot be judged: an address, a set, a limit. */
  readonly subject: Subject | undefined;
  readonly holds: (value: string | number) => boolean;
}

export type Verdict =
  | { readonly kind: 'accept' | 'drop' | 'return' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string };

export interface Rule {
  /** All of them must hold. */
  readonly conditions: readonly Condition[];
  readonly verdict: Verdict;
}

export interface Chain {
  readonly name: string;
  /** Of the kernel, in lower case; undefined for a chain that others jump to. */
  readonly hook: string | undefined;
  readonly drops: boolean;
  readonly rules: readonly Rule[];
}

export interface Table {
  readonly name: string;
  readonly chains: ReadonlyMap<string, Chain>;
}

/** Where a packet ends. */
export interface Drop {
  readonly table: string;
  readonly chain: string;
  readonly isPolicy: boolean;
}

/** The kernel lets no chains be deeper. */
const DEPTH_MAX = 16;
/** Rules that are looked at for one packet: chains that share chains multiply. */
const STEPS_MAX = 200_000;

export const UNKNOWN: Condition = { subject: undefined, holds: () => true };

/**
 * Where a packet that passes `hooks` is dropped for certain; undefined where nothing says so. A
 * rule that holds for some packets alone, by their source say, drops nothing for certain, and lets
 * in what it names by its port.
 */
export function dropOf(
  tables: readonly Table[],
  hooks: readonly string[],
  probe: Probe,
): Drop | undefined {
  for (const hook of hooks) {
    for (const table of tables) {
      for (const chain of table.chains.values()) {
        if (chain.hook !== hook) continue;
        const outcome = new Walk(table, probe).through(chain, 0, true);
        const isPolicy = outcome === 'leave';
        if (outcome === 'drop' || (isPolicy && chain.drops)) {
          return { table: table.name, chain: chain.name, isPolicy };
        }
      }
    }
  }
  return undefined;
}

type Outcome = 'accept' | 'drop' | 'leave';

class Walk {
  readonly #table: Table;
  readonly #probe: Probe;
  #steps = 0;

  constructor(table: Table, probe: Probe) {
    this.#table = table;
    this.#probe = probe;
  }

  /** `leave` where the chain leaves it to who called it. */
  through(chain: Chain, depth: number, isCertain: boolean): Outcome {
    for (const rule of chain.rules) {
      this.#steps += 1;
      if (this.#steps > STEPS_MAX || depth > DEPTH_MAX) return 'accept';
      const outcome = this.#meet(rule, depth, isCertain);
      if (outcome !== undefined) return outcome;
    }
    return 'leave';
  }

  /** Undefined where the next rule of the chain is met. */
  #meet({ conditions, verdict }: Rule, depth: number, isCertain: boolean): Outcome | undefined {
    const held = this.#held(conditions);
    if (held === 'no') return undefined;
    const isSure = isCertain && held === 'yes';
    const { kind } = verdict;
    if (kind === 'accept') return isSure || held === 'named' ? kind : undefined;
    if (!('chain' in verdict)) return isSure ? (kind === 'drop' ? kind : 'leave') : undefined;
    const next = this.#table.chains.get(verdict.chain);
    const outcome = next === undefined ? 'leave' : this.through(next, depth + 1, isSure);
    if (outcome !== 'leave') return outcome;
    return kind === 'goto' && isSure ? outcome : undefined;
  }

  /** `named` for what names the packet's own port, and leaves something open. */
  #held(conditions: readonly Condition[]): 'yes' | 'no' | 'perhaps' | 'named' {
    let isOpen = false;
    let isNamed = false;
    for (const { subject, holds } of conditions) {
      const value = subject === undefined ? undefined : this.#probe[subject];
      if (value === undefined) isOpen = true;
      else if (!holds(value)) return 'no';
      else if (subject === 'destination port' || subject === 'source port') isNamed = true;
    }
    if (!isOpen) return 'yes';
    return isNamed ? 'named' : 'perhaps';
  }
}
