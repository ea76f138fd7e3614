// Checks of this host among the others: servers, paths, and the time.

import { request } from 'node:http';
import { SERVER_PORT } from '../../addressing/ports.ts';
import type { HostView } from '../../api/contract/hosts.ts';
import { formatDuration } from '../duration.ts';
import { type Check, type CheckFinding, good, orGood, problem, warning } from './finding.ts';

const ANSWER_TIMEOUT_MS = 3_000;
/** The header has whole seconds, and the answer a way to come. */
const SKEW_MAX_MS = 5_000;
/** No clock of a machine that runs p6n is right before this. */
const EARLIEST = Date.UTC(2026, 0);
const SHOWN_MAX = 8;

export const REGISTRY: Check = {
  name: 'registry',
  examine: async ({ client, status }) => {
    if (status === undefined) return [];
    const { state, revision = 'none' } = status.registry;
    const isSilent = async (): Promise<boolean> =>
      status.host.role === 'server' && /^p6n_registry_up 0$/m.test(await client.host.metrics());
    if (state === 'unavailable' || (await isSilent())) {
      return [
        problem('The registry of this server does not answer', {
          why: 'Nothing can be changed by way of this server; packets, names and instances go on.',
          remedy: "Look at p6nd's log, and at etcd or the disk, where it keeps its registry.",
        }),
      ];
    }
    if (state !== 'unreachable') return [good(`The registry is ${state}, at revision ${revision}`)];
    return [
      problem('No server of the site answers', {
        why: 'Packets, names and instances go on as last known; nothing can be changed.',
        remedy: 'Look at the servers: p6nd there, their UDP port, the way to them.',
      }),
    ];
  },
};

export const PEERS: Check = {
  name: 'peers',
  examine: async ({ client, status }) => {
    if (status === undefined) return [];
    const { hosts } = await client.hosts.list({ paths: '1' });
    const others = hosts.filter(({ path }) => path?.state !== 'self');
    const lost = others.filter(({ path }) => path?.state !== 'reached');
    const findings = lost.slice(0, SHOWN_MAX).map(unreached);
    if (lost.length > SHOWN_MAX) {
      findings.push({
        ...unreached(lost[SHOWN_MAX] as HostView),
        found: `and ${lost.length - SHOWN_MAX} more`,
      });
    }
    return orGood(findings, `All ${others.length} other hosts answer`);
  },
};

export const CLOCK: Check = {
  name: 'clock',
  examine: async ({ client, status, now }) => {
    const advice = {
      why: 'Invites and tokens expire by the clock, and logs of hosts do not fit together.',
      remedy: 'Set the clock, and let NTP keep it (timedatectl set-ntp true).',
    };
    if (now() < EARLIEST)
      return [problem(`The clock says ${new Date(now()).toISOString()}`, advice)];
    if (status === undefined) return [];
    const { hosts } = await client.hosts.list();
    const servers = hosts.filter(({ role, id }) => role === 'server' && id !== status.host.id);
    const findings: CheckFinding[] = [];
    for (const { name, address } of servers.slice(0, SHOWN_MAX)) {
      const theirs = await timeOf(address);
      if (theirs === undefined) continue;
      const skew = now() - theirs;
      if (Math.abs(skew) <= SKEW_MAX_MS) return [good(`The clock is that of server ${name}`)];
      const text = `${formatDuration(Math.abs(skew))} ${skew > 0 ? 'ahead of' : 'behind'}`;
      findings.push(warning(`The clock is ${text} that of server ${name}`, advice));
    }
    return orGood(findings, 'There is no other server to compare the clock with');
  },
};

function unreached({ name, liveness, endpoints, path }: HostView): CheckFinding {
  const last = path?.last_handshake_at;
  const since = last === undefined ? 'never' : new Date(last).toISOString();
  const found = `Host ${name} does not answer (last handshake: ${since}; servers: ${liveness})`;
  if (liveness === 'unknown') {
    return warning(found, {
      why: 'No server has said whether it lives.',
      remedy: 'Look at the servers first; where they answer, at that host.',
    });
  }
  if (liveness === 'absent') {
    return warning(found, {
      why: 'No server hears of it either: it is down, or away.',
      remedy: `Start it; where it is gone for good: p6nctl hosts remove ${name} --force`,
    });
  }
  return problem(found, {
    why: 'It lives, and there is no way to it: instances of the two hosts do not meet.',
    remedy: `Let UDP in on either side. Its endpoints: ${endpoints.join(', ') || 'none'}.`,
  });
}

/** By the head of whatever the server answers; it knows nobody who asks without a secret. */
function timeOf(host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const asked = request({ host, port: SERVER_PORT, path: '/', timeout: ANSWER_TIMEOUT_MS });
    asked.once('response', (response) => {
      response.destroy();
      const time = Date.parse(response.headers.date ?? '');
      resolve(Number.isNaN(time) ? undefined : time);
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(undefined));
    asked.once('close', () => resolve(undefined));
    asked.end();
  });
}
