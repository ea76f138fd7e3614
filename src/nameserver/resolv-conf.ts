// The name servers of a resolv.conf(5): where the host itself asks, and so do we for names of
// others. Addresses of our own plan are left out: the host may well ask us.

import { isIP } from 'node:net';
import { classifyAddress } from '../addressing/layout.ts';

export interface Upstream {
  /** IPv4, or IPv6 with a zone where it is link-local (`fe80::1%eth0`). */
  readonly address: string;
  readonly port: number;
}

export const DNS_PORT = 53;
/** Further servers in the file are not asked. */
export const UPSTREAMS_MAX = 8;

const NAMESERVER_LINE = /^nameserver[ \t]+(\S+)/;

/** The servers of `text` in order, without repetitions and without ourselves. */
export function parseResolvConf(text: string): readonly Upstream[] {
  const addresses = new Set<string>();
  for (const line of text.split('\n')) {
    const address = NAMESERVER_LINE.exec(line)?.[1];
    if (address !== undefined && isUpstreamAddress(address)) addresses.add(address);
  }
  return [...addresses].slice(0, UPSTREAMS_MAX).map((address) => ({ address, port: DNS_PORT }));
}

/** Whether `address` may be asked: an IP address, and no server address of p6n. */
export function isUpstreamAddress(address: string): boolean {
  return isIP(address) !== 0 && classifyAddress(address)?.kind !== 'nameserver';
}
