// IPv6 addresses as canonical text for control code and as 16 bytes for packets. Text is parsed
// once at the edge; from then on two addresses are equal exactly when their texts are.

declare const ipv6Brand: unique symbol;
/**
 * An IPv6 address in the one form of RFC 5952: lower case, no leading zeros, the longest run of
 * zeros as `::`.
 */
export type Ipv6Address = string & { readonly [ipv6Brand]: true };

export const IPV6_ADDRESS_BYTES = 16;

const GROUPS = 8;
/** Of the longest text: six groups and a dotted quad. */
const LENGTH_MAX = 45;
const GROUP_PATTERN = /^[0-9a-fA-F]{1,4}$/;
const DOTTED_QUAD_PATTERN = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
/** `::ffff:0:0/96`, whose last 32 bits RFC 5952 section 5 writes as an IPv4 address. */
const MAPPED_GROUPS = [0, 0, 0, 0, 0, 0xffff] as const;

/** The 16 bytes of an IPv6 address in any form of RFC 4291 section 2.2 (no zone), or undefined. */
export function parseIpv6(text: string): Uint8Array | undefined {
  const groups = parseGroups(text);
  if (groups === undefined) return undefined;
  const bytes = new Uint8Array(IPV6_ADDRESS_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, group] of groups.entries()) view.setUint16(2 * index, group);
  return bytes;
}

/** The canonical text of the 16 bytes at `offset`. */
export function formatIpv6(bytes: Uint8Array, offset = 0): Ipv6Address {
  const groups: number[] = [];
  for (let i = offset; i < offset + IPV6_ADDRESS_BYTES; i += 2) {
    groups.push(((bytes[i] as number) << 8) | (bytes[i + 1] as number));
  }
  if (MAPPED_GROUPS.every((group, index) => groups[index] === group)) {
    return `::ffff:${bytes.subarray(offset + 12, offset + 16).join('.')}` as Ipv6Address;
  }
  const [start, length] = longestZeroRun(groups);
  const texts = groups.map((group) => group.toString(16));
  if (length < 2) return texts.join(':') as Ipv6Address;
  const before = texts.slice(0, start).join(':');
  return `${before}::${texts.slice(start + length).join(':')}` as Ipv6Address;
}

/**
 * The canonical text of an address in any form, or undefined when `text` is not an IPv6 address.
 */
export function canonicalIpv6(text: string): Ipv6Address | undefined {
  const bytes = parseIpv6(text);
  return bytes === undefined ? undefined : formatIpv6(bytes);
}

/** The bytes of an address that is known to be one. */
export function ipv6Bytes(address: Ipv6Address): Uint8Array {
  return parseIpv6(address) as Uint8Array;
}

function parseGroups(text: string): number[] | undefined {
  if (text.length > LENGTH_MAX) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = '', tail] = halves;
  const before = parseHalf(head, tail === undefined);
  const after = tail === undefined ? [] : parseHalf(tail, true);
  if (before === undefined || after === undefined) return undefined;
  const missing = GROUPS - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...before, ...new Array<number>(missing).fill(0), ...after];
}

/**
 * The groups of text on one side of `::`; a dotted quad may end it when `last` says that the text
 * ends there.
 */
function parseHalf(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (GROUP_PATTERN.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const quad = last && index === parts.length - 1 ? parseDottedQuad(part) : undefined;
    if (quad === undefined) return undefined;
    groups.push(...quad);
  }
  return groups;
}

function parseDottedQuad(text: string): [number, number] | undefined {
  const match = DOTTED_QUAD_PATTERN.exec(text);
  if (match === null) return undefined;
  const bytes = match.slice(1).map(Number);
  if (bytes.some((byte, index) => byte > 255 || String(byte) !== match[index + 1]))
    return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return [(a << 8) | b, (c << 8) | d];
}

/** Where the longest run of zero groups starts and how long it is; the first of equal ones. */
function longestZeroRun(groups: readonly number[]): [start: number, length: number] {
  let best: [number, number] = [0, 0];
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best[1]) best = [start, index + 1 - start];
  }
  return best;
}
