// `HOST:PORT`, `IPV4:PORT` and `[IPV6]:PORT`: endpoints as people write them and records keep them.
// An IPv6 address stands in brackets, so that its colons are not the port's (RFC 3986, section
// 3.2.2).

import { parseIpv4 } from './ipv4-address.ts';
import { parseIpv6 } from './ipv6-address.ts';

export interface HostPort {
  /** An address, an IPv6 one perhaps with a zone, or a host name. */
  readonly host: string;
  /** 1 to 65,535. */
  readonly port: number;
}

/** A host name has at most 253 letters (RFC 1035, section 2.3.4), and a port 5 digits. */
const LENGTH_MAX = 260;
const PATTERN = /^(?:\[([^\]]+)\]|([^:[\]]+)):([1-9]\d{0,4})$/;
const NAME_PATTERN = /^(?!-)[a-zA-Z0-9_-]{1,63}(?:\.[a-zA-Z0-9_-]{1,63})*\.?$/;
const ZONE_PATTERN = /^[A-Za-z0-9_.-]{1,15}$/;
const NUMBERS_PATTERN = /^[0-9.]+$/;
const PORT_MAX = 65_535;

/** The parts of an endpoint, or undefined when `text` is none. */
export function parseHostPort(text: string): HostPort | undefined {
  if (text.length > LENGTH_MAX) return undefined;
  const [, bracketed, plain, digits] = PATTERN.exec(text) ?? [];
  const port = Number(digits);
  if (!(port >= 1 && port <= PORT_MAX)) return undefined;
  if (bracketed !== undefined)
    return isZonedIpv6(bracketed) ? { host: bracketed, port } : undefined;
  if (plain === undefined || !isHost(plain)) return undefined;
  return { host: plain, port };
}

/** The text of an endpoint. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether `host` is an address, an IPv6 one perhaps with a zone, and needs no resolver. */
export function isAddressText(host: string): boolean {
  return parseIpv4(host) !== undefined || isZonedIpv6(host);
}

/** What looks like an IPv4 address must be one: resolvers read `1.2.3` in ways of their own. */
function isHost(text: string): boolean {
  return NUMBERS_PATTERN.test(text) ? parseIpv4(text) !== undefined : NAME_PATTERN.test(text);
}

function isZonedIpv6(text: string): boolean {
  const [address = '', zone, ...rest] = text.split('%');
  if (rest.length > 0 || (zone !== undefined && !ZONE_PATTERN.test(zone))) return false;
  return parseIpv6(address) !== undefined;
}
