// The checks of `p6nctl doctor` in the order in which they are made and told: what stands below
// first, so that the first problem is the one to begin with.

import { P6nError } from '../../base/errors.ts';
import { CONFIGURATION, DAEMON, KERNEL_HELP, TUN, UDP_PORTS } from './daemon.ts';
import type { Check, Finding, Patient } from './finding.ts';
import { FIREWALL } from './firewall.ts';
import { NAMES, RESOLVERS } from './instances.ts';
import { CLOCK, PEERS, REGISTRY } from './mesh.ts';
import { IPV6, MTU, ROUTES } from './network.ts';
import { DISK, PERMISSIONS } from './state.ts';

export const CHECKS: readonly Check[] = [
  TUN,
  IPV6,
  CONFIGURATION,
  UDP_PORTS,
  ROUTES,
  FIREWALL,
  PERMISSIONS,
  DISK,
  DAEMON,
  REGISTRY,
  CLOCK,
  PEERS,
  MTU,
  NAMES,
  RESOLVERS,
  KERNEL_HELP,
];

/** Everything that the checks find, in their order. */
export async function runDoctor(patient: Patient): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const { name: check, examine } of CHECKS) {
    try {
      for (const finding of await examine(patient)) findings.push({ check, ...finding });
    } catch (error) {
      const facts = error instanceof Error ? error.message : String(error);
      const hint = error instanceof P6nError ? error.hint : undefined;
      findings.push({
        ...{ check, level: 'warning', found: `Cannot be looked at: ${facts}` },
        why: 'What this check would find stays unknown.',
        remedy: hint ?? 'Run p6nctl as root on the host itself.',
      });
    }
  }
  return findings;
}
