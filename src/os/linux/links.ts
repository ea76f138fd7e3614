// Interfaces through iproute2, in any network namespace by way of nsenter(1). Both are asked for
// JSON and given batches, so that one configuration costs two or three processes.

import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { P6nError } from '../../base/errors.ts';
import type { Ipv6Address } from '../../ip/ipv6-address.ts';
import type { LinkSettings, Links, RouteEntry } from '../links.ts';
import {
  type IpAddress,
  type IpLink,
  type IpRoute,
  type IpState,
  planLink,
  routePrefix,
} from './link-plan.ts';
import {
  type IpRule,
  LOCAL_TABLE,
  type LocalState,
  planLocalRoutes,
  planWithoutRules,
} from './local-routes.ts';
import { LINUX_NAMESPACES } from './namespaces.ts';

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const TIMEOUT_MS = 10_000;
/** What may stand in a batch line: interface names and paths come from elsewhere. */
const NAME_PATTERN = /^[A-Za-z0-9_.-]{1,15}$/;

const TUN_LINKS = 'link show type tun';
/** The kernel makes the route to an address of its own a moment after the address. */
const LOCAL_ROUTE_POLL_MS = 5;
const LOCAL_ROUTE_POLLS_MAX = 400;

export const LINUX_LINKS: Links = { configure, isHeld, find, remove, releaseExclusive, routes };

async function configure(link: LinkSettings): Promise<number> {
  if (!NAME_PATTERN.test(link.name)) {
    throw new P6nError('VALUE_INVALID', `Cannot configure interface "${link.name}": bad name`);
  }
  const enabled = LINUX_NAMESPACES.within(link.namespace, () => enableIpv6(link.name));
  const lines = planLink(await readState(link), link);
  if (lines.length > 0) await runBatch(link.namespace, lines);
  const added = link.addresses
    .map(({ address }) => `${address}/128`)
    .filter((prefix) => lines.some((line) => line.startsWith(`addr add ${prefix} `)));
  const moved = link.exclusive ? await moveLocalRoutes(link, new Set(added)) : 0;
  return lines.length + enabled + moved;
}

/** Waits for the routes that the kernel makes for `added` addresses, and moves them. */
async function moveLocalRoutes(link: LinkSettings, added: Set<string>): Promise<number> {
  const addresses = link.addresses.map(({ address }) => address);
  let changes = 0;
  for (let poll = 0; poll < LOCAL_ROUTE_POLLS_MAX; poll += 1) {
    const state = await readLocalState(link);
    for (const route of state.kernel) added.delete(routePrefix(route));
    const lines = planLocalRoutes(state, link.name, addresses);
    if (lines.length > 0) await runBatch(link.namespace, lines);
    changes += lines.length;
    if (added.size === 0) return changes;
    await delay(LOCAL_ROUTE_POLL_MS);
  }
  throw new P6nError(
    'SYSTEM',
    `Cannot configure interface ${link.name}: the kernel makes no route to ${[...added].join(' ')}`,
  );
}

async function readLocalState({ namespace, name }: LinkSettings): Promise<LocalState> {
  const [rules = [], kernel = [], own = []] = await query<unknown>(namespace, [
    'rule show',
    `route show table local type local dev ${name}`,
    `route show table ${LOCAL_TABLE} type local dev ${name}`,
  ]);
  return { rules: rules as IpRule[], kernel: kernel as IpRoute[], own: own as IpRoute[] };
}

/** A TUN has carrier exactly while a process holds it. */
async function isHeld(name: string): Promise<boolean> {
  const [found = []] = await query<IpLink>(undefined, [TUN_LINKS]);
  return found.some(({ ifname, flags }) => ifname === name && flags?.includes('LOWER_UP') === true);
}

async function find(namespace: string, address: Ipv6Address): Promise<string | undefined> {
  const [found = []] = await query<Partial<IpLink>>(namespace, [`addr show to ${address}`]);
  // The others are there as empty objects.
  return found.find(({ ifname = '' }) => NAME_PATTERN.test(ifname))?.ifname;
}

async function remove(namespace: string | undefined, name: string): Promise<void> {
  const [found = []] = await query<IpLink>(namespace, [TUN_LINKS]);
  if (!found.some(({ ifname }) => ifname === name)) return;
  await runBatch(namespace, [`link delete dev ${name}`]);
}

async function releaseExclusive(name: string): Promise<void> {
  const [rules = []] = await query<IpRule>(undefined, ['rule show']);
  const lines = planWithoutRules(rules, name);
  if (lines.length > 0) await runBatch(undefined, lines);
}

async function routes(namespace: string | undefined): Promise<readonly RouteEntry[]> {
  const [entries = []] = await query<IpRoute>(namespace, ['route show table main']);
  return entries.map((route) => ({ prefix: routePrefix(route), device: route.dev }));
}

/** Switches IPv6 on for one interface; returns how many settings it changed. */
function enableIpv6(name: string): number {
  const path = `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`;
  if (!existsSync(path)) {
    if (existsSync('/proc/sys/net/ipv6')) return 0;
    throw new P6nError('NO_IPV6', `Cannot configure interface ${name}: the kernel has no IPv6`, {
      hint: 'Start the kernel without ipv6.disable=1.',
    });
  }
  if (readFileSync(path, 'utf8').trim() === '0') return 0;
  writeFileSync(path, '0\n');
  return 1;
}

async function readState({ namespace, name }: LinkSettings): Promise<IpState> {
  // In one batch, iproute2 leaves the addresses out once it has been asked for links.
  const lines = [`addr show dev ${name}`, `link show dev ${name}`, `route show dev ${name}`];
  const foreign = namespace !== undefined;
  if (foreign) lines.push('link show dev lo');
  const [addressed = [], links = [], found = [], loopbacks = []] = await query<unknown>(
    namespace,
    lines,
  );
  const addresses: IpAddress[] = (addressed as IpLink[]).flatMap((one) => one.addr_info ?? []);
  return {
    link: (links[0] ?? {}) as IpLink,
    addresses,
    routes: found as IpRoute[],
    loopback: foreign ? (loopbacks[0] as IpLink | undefined) : undefined,
  };
}

/** Asks `ip` for lists, one for each line. */
async function query<T>(namespace: string | undefined, lines: readonly string[]): Promise<T[][]> {
  const output = await run(namespace, ['-6', '-details', '-json', '-batch', '-'], lines);
  const documents = output.split('\n').filter((line) => line.trim() !== '');
  return documents.map((document) => JSON.parse(document) as T[]);
}

async function runBatch(namespace: string | undefined, lines: readonly string[]): Promise<void> {
  await run(namespace, ['-6', '-batch', '-'], lines);
}

function run(
  namespace: string | undefined,
  options: readonly string[],
  lines: readonly string[],
): Promise<string> {
  const words = [...(namespace === undefined ? [] : ['nsenter', `--net=${namespace}`]), 'ip'];
  const [program = 'ip', ...before] = words;
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      [...before, ...options],
      { maxBuffer: OUTPUT_BYTES_MAX, timeout: TIMEOUT_MS, encoding: 'utf8' },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(commandError(error, stderr, lines));
      },
    );
    // A child that ends early is reported by the callback above.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(`${lines.join('\n')}\n`);
  });
}

function commandError(error: Error, stderr: string, lines: readonly string[]): P6nError {
  const failed = Number(/Command failed -:(\d+)/.exec(stderr)?.[1] ?? 0);
  const line = lines[failed - 1] ?? lines[0] ?? '';
  const facts = stderr.split('\n')[0]?.trim() || error.message;
  const hint = hintFor(error, stderr);
  return new P6nError('COMMAND_FAILED', `Cannot run "ip ${line}": ${facts}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}

function hintFor(error: Error, stderr: string): string | undefined {
  if ('code' in error && error.code === 'ENOENT') return 'Install iproute2 and util-linux.';
  return /not permitted|Permission denied/.test(stderr) ? 'Run it as root.' : undefined;
}
