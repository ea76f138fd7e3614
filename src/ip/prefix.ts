// Prefixes of IPv4 and IPv6 addresses (`fdaa::/16`): the address bytes with the host bits zero, and
// the number of bits that count.

import { formatIpv4, IPV4_ADDRESS_BYTES, parseIpv4 } from './ipv4-address.ts';
import { formatIpv6, parseIpv6 } from './ipv6-address.ts';

export interface Prefix {
  /** 4 or 16 bytes; those behind `bits` are zero. */
  readonly bytes: Uint8Array;
  readonly bits: number;
}

const BITS_PATTERN = /^(?:0|[1-9][0-9]{0,2})$/;

/**
 * The prefix in `text`: an address with `/bits`, or an address alone, which stands for itself. Host
 * bits are masked. Undefined when `text` is no prefix.
 */
export function parsePrefix(text: string): Prefix | undefined {
  const [address = '', bitsText, ...rest] = text.split('/');
  const bytes = parseIpv4(address) ?? parseIpv6(address);
  if (bytes === undefined || rest.length > 0) return undefined;
  if (bitsText === undefined) return { bytes, bits: 8 * bytes.length };
  if (!BITS_PATTERN.test(bitsText)) return undefined;
  const bits = Number(bitsText);
  return bits <= 8 * bytes.length ? maskedPrefix(bytes, bits) : undefined;
}

/** The prefix of the first `bits` bits of an address. */
export function maskedPrefix(address: Uint8Array, bits: number): Prefix {
  const bytes = new Uint8Array(address.length);
  const whole = bits >> 3;
  bytes.set(address.subarray(0, whole));
  if ((bits & 7) !== 0) bytes[whole] = address[whole]! & (0xff00 >> (bits & 7));
  return { bytes, bits };
}

export function formatPrefix(prefix: Prefix): string {
  const { bytes, bits } = prefix;
  return `${bytes.length === IPV4_ADDRESS_BYTES ? formatIpv4(bytes) : formatIpv6(bytes)}/${bits}`;
}

/** Whether the address at `offset`, of the same family, lies in `prefix`. */
export function prefixContains(prefix: Prefix, address: Uint8Array, offset = 0): boolean {
  const { bytes, bits } = prefix;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) {
    if (bytes[i] !== address[offset + i]) return false;
  }
  const rest = bits & 7;
  if (rest === 0) return true;
  return ((bytes[whole]! ^ address[offset + whole]!) & (0xff00 >> rest)) === 0;
}

/** How many leading bits two addresses of one family share. */
export function commonPrefixBits(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! ^ b[i]!;
    if (difference !== 0) return 8 * i + Math.clz32(difference) - 24;
  }
  return 8 * a.length;
}
