// Endpoints: where this host can be reached when nobody has said so, and what a host name in an
// endpoint stands for.

import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { classifyAddress } from '../addressing/layout.ts';
import type { EndpointAddress } from '../device/config.ts';
import { formatHostPort, parseHostPort } from '../ip/host-port.ts';

/** Addresses that are reached from nearby at best (RFC 1918, 6598, 3927, 4193). */
const NEARBY: readonly RegExp[] = [
  /^(?:10|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01]))\./,
  /^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./,
  /^f[cd]/,
];
const LINK_LOCAL_IPV6 = /^fe[89ab]/;

/** Whether an endpoint is an address that is reached from nearby at best. */
export function isNearby(endpoint: string): boolean {
  const host = parseHostPort(endpoint)?.host ?? '';
  return NEARBY.some((pattern) => pattern.test(host));
}

/** The addresses of this machine's interfaces with `port`, those that reach furthest first. */
export function detectEndpoints(port: number, countMax: number): string[] {
  const found: { readonly text: string; readonly distance: number }[] = [];
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, internal } of addresses ?? []) {
      if (internal || LINK_LOCAL_IPV6.test(address) || classifyAddress(address)) continue;
      const distance = NEARBY.some((pattern) => pattern.test(address)) ? 1 : 0;
      found.push({ text: formatHostPort({ host: address, port }), distance });
    }
  }
  found.sort((a, b) => a.distance - b.distance);
  return found.slice(0, countMax).map(({ text }) => text);
}

/**
 * The addresses that a host name or an address stands for, best first; rejects when it has none.
 */
export async function resolveHostName(host: string): Promise<readonly string[]> {
  const results = await lookup(host, { all: true, verbatim: true });
  return results.map(({ address }) => address);
}

/** Every address that the endpoints stand for, in order; names that do not resolve give none. */
export async function resolveEndpoints(endpoints: readonly string[]): Promise<EndpointAddress[]> {
  const resolved: EndpointAddress[] = [];
  for (const endpoint of endpoints) {
    const parts = parseHostPort(endpoint);
    if (parts === undefined) continue;
    const addresses = await resolveHostName(parts.host).catch(() => []);
    resolved.push(...addresses.map((address) => ({ address, port: parts.port })));
  }
  return resolved;
}
