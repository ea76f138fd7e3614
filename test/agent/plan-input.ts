// A plan of what a test knows, where all else is left to defaults.

import { type PlanInput, plan } from '../../src/agent/plan.ts';
import type { CopyView } from '../../src/agent/ports.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { makeIdentity } from './agent-world.ts';

export const NOW: WallMillis = 1_000_000 as WallMillis;

type Partly = Omit<Partial<PlanInput>, 'copy'> & { readonly copy?: Partial<CopyView> };

export function planOf({ copy = {}, ...input }: Partly): ReturnType<typeof plan> {
  const records = input.records ?? [];
  return plan({
    identity: makeIdentity(),
    copy: { hosts: [], networks: [], apps: [], instances: [], ...copy },
    records,
    namespaces: new Map(
      records.map(({ instance, tun }) => [instance.machineId, `/proc/${tun}/ns/net`]),
    ),
    unnamed: new Set(),
    visited: new Set(),
    invites: [],
    handshakes: new Set(),
    nearestHosts: [],
    lookupEndpoints: (endpoints) =>
      endpoints.flatMap((text) => {
        const match = /^\[?(.*?)\]?:(\d+)$/.exec(text);
        return match === null ? [] : [{ address: match[1] ?? '', port: Number(match[2]) }];
      }),
    now: NOW,
    ...input,
  });
}
