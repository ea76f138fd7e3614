// The answer of the judge: one object, written again for each packet. Each packet has exactly one
// outcome, and this is the one place that counts it.

import { DROP_REASON_COUNT, DROP_REASONS, DropReason } from './drop-reason.ts';
import { Ingress } from './packet.ts';
import { HOST_TUN, PASS_RULE_COUNT, PassRule, Rejection, Verdict } from './verdict.ts';

/** Where counts go; the owner may read them at any time, also from another thread. */
export interface FilterCounters {
  /** Dropped packets by DropReason, DROP_REASON_COUNT places. */
  readonly drops: Float64Array;
  /** Passed packets by PassRule, PASS_RULE_COUNT places. */
  readonly passes: Float64Array;
}

export class Outcome {
  verdictTun: number = HOST_TUN;
  dropReason: DropReason = DropReason.Truncated;
  rejection: Rejection = Rejection.None;
  passRule: PassRule = PassRule.Instance;
  readonly #counters: FilterCounters;

  constructor(counters: FilterCounters) {
    this.#counters = counters;
  }

  drop(reason: DropReason, ingress: Ingress): Verdict {
    const text = DROP_REASONS[reason];
    this.dropReason = reason;
    this.rejection = ingress === Ingress.HostPeer ? text.remoteAnswer : text.localAnswer;
    this.#counters.drops[reason]! += 1;
    return Verdict.Drop;
  }

  toTun(tun: number, rule: PassRule): Verdict {
    this.verdictTun = tun;
    this.#pass(rule);
    return Verdict.ToTun;
  }

  toPeer(rule: PassRule): Verdict {
    this.#pass(rule);
    return Verdict.ToPeer;
  }

  toGatewayPeer(rule: PassRule): Verdict {
    this.#pass(rule);
    return Verdict.ToGatewayPeer;
  }

  #pass(rule: PassRule): void {
    this.rejection = Rejection.None;
    this.passRule = rule;
    this.#counters.passes[rule]! += 1;
  }
}

export function makeFilterCounters(): FilterCounters {
  return {
    drops: new Float64Array(DROP_REASON_COUNT),
    passes: new Float64Array(PASS_RULE_COUNT),
  };
}
