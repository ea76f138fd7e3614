// What a check of `p6nctl doctor` says: what was found, why it matters and what to do about it.

import type { ApiClient } from '../../api/client.ts';
import type { StatusView } from '../../api/contract/status.ts';
import type { WallMillis } from '../../base/clock.ts';
import type { P6nError } from '../../base/errors.ts';

/** A warning is what works less well than it could; a problem is what does not work. */
export type Level = 'good' | 'warning' | 'problem';

export interface Finding {
  readonly check: string;
  readonly level: Level;
  readonly found: string;
  /** Of what is not good. */
  readonly why?: string;
  readonly remedy?: string;
}

/** The host that is examined. Checks run on it as root, in its own network namespace. */
export interface Patient {
  readonly client: ApiClient;
  readonly socket: string;
  readonly now: () => WallMillis;
  /** Undefined where p6nd does not answer. */
  readonly status: StatusView | undefined;
  /** Why it does not. */
  readonly silence: P6nError | undefined;
  readonly stateDir: string;
  readonly listenPort: number;
  /** Undefined where p6nd runs and has no WireGuard peers. */
  readonly gatewayPort: number | undefined;
  /** Why p6nd would not take its configuration; undefined where it would, or runs. */
  readonly refusal: P6nError | undefined;
}

/** One subject. What cannot be looked at is thrown. */
export interface Check {
  readonly name: string;
  readonly examine: (
    patient: Patient,
  ) => readonly CheckFinding[] | Promise<readonly CheckFinding[]>;
}

export type CheckFinding = Omit<Finding, 'check'>;

export function good(found: string): CheckFinding {
  return { level: 'good', found };
}

export interface Advice {
  readonly why: string;
  readonly remedy: string;
}

export function warning(found: string, advice: Advice): CheckFinding {
  return { level: 'warning', found, ...advice };
}

export function problem(found: string, advice: Advice): CheckFinding {
  return { level: 'problem', found, ...advice };
}

/** What was found wrong, or else that all is well. */
export function orGood(findings: readonly CheckFinding[], found: string): readonly CheckFinding[] {
  return findings.length > 0 ? findings : [good(found)];
}
