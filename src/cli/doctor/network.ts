// Checks of the host's own network: what p6nd stands on and what can stand in its way.

import { readFile } from 'node:fs/promises';
import { isSiteAddress } from '../../addressing/layout.ts';
import { type Check, type CheckFinding, orGood, problem, warning } from './finding.ts';
import { ipObjects } from './programs.ts';

const HOST_DEVICE = 'p6n0';
/** WireGuard's and UDP's headers, and those of IPv6 or IPv4 outside. */
const OVERHEAD_IPV6 = 80;
const OVERHEAD_IPV4 = 60;
/** Of any link of IPv6, and so the least of --mtu. */
const MTU_MIN = 1280;

export const IPV6: Check = {
  name: 'IPv6',
  examine: async ({ status }) => {
    const findings: CheckFinding[] = [];
    const settings = [['kernel', '/proc/net/if_inet6']] as const;
    for (const [what, path] of settings) {
      if ((await readText(path)) !== undefined) continue;
      findings.push(
        problem(`The ${what} runs without IPv6`, {
          why: 'The networks of p6n are IPv6 only.',
          remedy: 'Remove ipv6.disable=1 from the command line of the kernel.',
        }),
      );
    }
    const device = status === undefined ? undefined : await readText(disablePath(HOST_DEVICE));
    if (device?.trim() === '1') {
      findings.push(
        problem(`IPv6 is disabled on ${HOST_DEVICE}`, {
          why: 'The name server and the doors of p6nd have lost their addresses.',
          remedy:
            `Set net.ipv6.conf.${HOST_DEVICE}.disable_ipv6=0, find what sets it (sysctl.d, ` +
            'a VPN client), and restart p6nd.',
        }),
      );
    }
    return orGood(findings, 'IPv6 is there');
  },
};

interface Route {
  readonly dst: string;
  readonly dev?: string;
  readonly type?: string;
  /** Absent for the main one. */
  readonly table?: string;
}

export const ROUTES: Check = {
  name: 'routes',
  examine: async () => {
    const routes = await ipObjects<Route>('-6', 'route', 'show', 'table', 'all');
    const findings = routes
      .filter(({ dst, dev }) => isSiteAddress(dst.split('/')[0] ?? '') && dev !== HOST_DEVICE)
      .filter(({ dev, type }) => !(dev === 'lo' && type === 'unreachable'))
      .map((route) =>
        problem(`Somebody else has a route to ${route.dst} through ${route.dev ?? 'nowhere'}`, {
          why: 'Packets for that part of fdaa::/16 do not reach p6n, and p6nd does not start.',
          remedy: `Find who makes it; remove it with \`${removal(route)}\`.`,
        }),
      );
    return orGood(findings, 'No route of others leads into fdaa::/16');
  },
};

/** What the kernel makes for an address goes with the address. */
function removal({ dst, dev, table, type }: Route): string {
  const device = dev === undefined ? '' : ` dev ${dev}`;
  if (type === 'local') return `ip -6 address del ${dst}${device}`;
  const kind = type === undefined ? '' : `${type} `;
  return `ip -6 route del ${kind}${dst}${device}${table === undefined ? '' : ` table ${table}`}`;
}

export const MTU: Check = {
  name: 'MTU',
  examine: async ({ status }) => {
    if (status === undefined) return [];
    const inside = await mtuOf(HOST_DEVICE);
    const narrow = new Map<string, { readonly mtu: number; readonly needed: number }>();
    for (const { endpoint } of status.peers) {
      const address = endpoint?.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
      if (address === undefined) continue;
      const [way] = await ipObjects<{ dev: string; metrics?: { mtu?: number }[] }>(
        ...['route', 'get', address.split('%')[0] ?? ''],
      ).catch(() => []);
      if (way === undefined) continue;
      const mtu = way.metrics?.[0]?.mtu ?? (await mtuOf(way.dev));
      const needed = inside + (address.includes(':') ? OVERHEAD_IPV6 : OVERHEAD_IPV4);
      if (mtu < needed) narrow.set(way.dev, { mtu, needed });
    }
    const findings = [...narrow].map(([device, { mtu, needed }]) =>
      warning(`The MTU of ${device} is ${mtu}, and full packets of peers take ${needed}`, {
        why: 'Each program loses its first full packet on that way, and is told to send less.',
        remedy: wider(device, inside - (needed - mtu)),
      }),
    );
    return orGood(findings, `The ways to all peers take packets of ${inside} bytes whole`);
  },
};

function wider(device: string, mtu: number): string {
  const raise = `Let ${device} have a larger MTU`;
  if (mtu >= MTU_MIN) return `${raise}, or start p6nd on all hosts with --mtu ${mtu} or less.`;
  return `${raise}: datagrams are cut there, and no --mtu is small enough.`;
}

async function mtuOf(device: string): Promise<number> {
  const [link] = await ipObjects<{ mtu: number }>('link', 'show', 'dev', device);
  if (link === undefined) throw new Error(`there is no ${device}`);
  return link.mtu;
}

function disablePath(device: string): string {
  return `/proc/sys/net/ipv6/conf/${device}/disable_ipv6`;
}

function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
