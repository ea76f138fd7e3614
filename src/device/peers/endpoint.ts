// Outer addresses as the device keeps them: the bytes of base/packet-batch.ts, compared as words.
// An endpoint never changes, it is replaced, because datagrams on their way out refer to it.

import {
  ENDPOINT_ADDRESS_OFFSET,
  ENDPOINT_BYTES,
  ENDPOINT_FAMILY_OFFSET,
  ENDPOINT_LOCAL_OFFSET,
  ENDPOINT_PORT_OFFSET,
  ENDPOINT_SCOPE_OFFSET,
} from '../../base/packet-batch.ts';
import { formatIpv4, IPV4_ADDRESS_BYTES, parseIpv4 } from '../../ip/ipv4-address.ts';
import { formatIpv6, IPV6_ADDRESS_BYTES, parseIpv6 } from '../../ip/ipv6-address.ts';
import type { EndpointAddress } from '../config.ts';

const WORD_BYTES = 4;
export const ENDPOINT_WORDS: number = ENDPOINT_BYTES / WORD_BYTES;
/** Family, port, address and scope: where the peer is. */
const PLACE_WORDS: number = ENDPOINT_LOCAL_OFFSET / WORD_BYTES;
const ADDRESS_WORD: number = ENDPOINT_ADDRESS_OFFSET / WORD_BYTES;
const FAMILY_IPV4 = 4;
const FAMILY_IPV6 = 6;
const PORT_MAX = 0xffff;
const SCOPE_MAX = 0xffff_ffff;
const DECIMAL_PATTERN = /^[0-9]{1,10}$/;

export interface Endpoint {
  readonly bytes: Uint8Array;
  /** The same memory. */
  readonly words: Uint32Array;
}

/** The endpoint of an address in text, or undefined when it is none. */
export function parseEndpoint(endpoint: EndpointAddress): Endpoint | undefined {
  const { port } = endpoint;
  if (!Number.isInteger(port) || port < 1 || port > PORT_MAX) return undefined;
  const [text = '', zone, ...rest] = endpoint.address.split('%');
  const scope = zone === undefined ? 0 : parseScope(zone);
  if (scope === undefined || rest.length > 0) return undefined;
  const ipv4 = zone === undefined ? parseIpv4(text) : undefined;
  const address = ipv4 ?? parseIpv6(text);
  if (address === undefined) return undefined;
  const result = emptyEndpoint();
  const { buffer } = result.bytes;
  new Uint16Array(buffer)[ENDPOINT_FAMILY_OFFSET / 2] =
    ipv4 === undefined ? FAMILY_IPV6 : FAMILY_IPV4;
  new DataView(buffer).setUint16(ENDPOINT_PORT_OFFSET, port);
  result.bytes.set(address, ENDPOINT_ADDRESS_OFFSET);
  result.words[ENDPOINT_SCOPE_OFFSET / WORD_BYTES] = scope;
  return result;
}

/** The address and port of an endpoint in text. */
export function formatEndpoint(endpoint: Endpoint): EndpointAddress {
  const { bytes } = endpoint;
  const port = new DataView(bytes.buffer).getUint16(ENDPOINT_PORT_OFFSET);
  if (familyOf(endpoint) === FAMILY_IPV4) {
    return { address: formatIpv4(bytes, ENDPOINT_ADDRESS_OFFSET), port };
  }
  const scope = endpoint.words[ENDPOINT_SCOPE_OFFSET / WORD_BYTES]!;
  const zone = scope === 0 ? '' : `%${scope}`;
  return { address: `${formatIpv6(bytes, ENDPOINT_ADDRESS_OFFSET)}${zone}`, port };
}

/** A copy of the endpoint that stands at `offset`. */
export function copyEndpoint(bytes: Uint8Array, offset: number): Endpoint {
  const endpoint = emptyEndpoint();
  endpoint.bytes.set(bytes.subarray(offset, offset + ENDPOINT_BYTES));
  return endpoint;
}

/** Whether the endpoint has a local address. */
export function hasSource(endpoint: Endpoint): boolean {
  return endpoint.words.subarray(PLACE_WORDS).some((word) => word !== 0);
}

/** The same place, with the local address left to the system. */
export function withoutSource(endpoint: Endpoint): Endpoint {
  const bare = copyEndpoint(endpoint.bytes, 0);
  bare.bytes.fill(0, ENDPOINT_LOCAL_OFFSET);
  return bare;
}

/** Whether `endpoint` is what stands at word `at` of `words`, local address included. */
export function isSameEndpoint(endpoint: Endpoint, words: Uint32Array, at: number): boolean {
  for (let i = 0; i < ENDPOINT_WORDS; i++) {
    if (endpoint.words[i] !== words[at + i]) return false;
  }
  return true;
}

/** Whether two endpoints are one place of the peer, whatever our own address. */
export function isSamePlace(a: Endpoint, b: Endpoint): boolean {
  for (let i = 0; i < PLACE_WORDS; i++) {
    if (a.words[i] !== b.words[i]) return false;
  }
  return true;
}

/** Address and port (big-endian), which a cookie is bound to: 6 or 18 bytes. */
export function cookieSource(endpoint: Endpoint): Uint8Array {
  const isIpv4 = familyOf(endpoint) === FAMILY_IPV4;
  const addressBytes = isIpv4 ? IPV4_ADDRESS_BYTES : IPV6_ADDRESS_BYTES;
  const source = new Uint8Array(addressBytes + 2);
  const { bytes } = endpoint;
  source.set(bytes.subarray(ENDPOINT_ADDRESS_OFFSET, ENDPOINT_ADDRESS_OFFSET + addressBytes));
  source.set(bytes.subarray(ENDPOINT_PORT_OFFSET, ENDPOINT_PORT_OFFSET + 2), addressBytes);
  return source;
}

/** A key for the sources that share a limit. */
export type RateBlock = number | string;

/** What rates are limited by: the address in IPv4, the /64 in IPv6. */
export function rateBlock(endpoint: Endpoint): RateBlock {
  const first = endpoint.words[ADDRESS_WORD]!;
  // Signed, which the engine keeps without an object: each message of a flood asks.
  if (familyOf(endpoint) === FAMILY_IPV4) return first | 0;
  return `${first}:${endpoint.words[ADDRESS_WORD + 1]}`;
}

export function isIpv4Endpoint(endpoint: Endpoint): boolean {
  return familyOf(endpoint) === FAMILY_IPV4;
}

function emptyEndpoint(): Endpoint {
  const bytes = new Uint8Array(ENDPOINT_BYTES);
  return { bytes, words: new Uint32Array(bytes.buffer) };
}

function familyOf(endpoint: Endpoint): number {
  // One of the two bytes is zero, whatever the order of the machine.
  return endpoint.bytes[ENDPOINT_FAMILY_OFFSET]! | endpoint.bytes[ENDPOINT_FAMILY_OFFSET + 1]!;
}

function parseScope(zone: string): number | undefined {
  if (!DECIMAL_PATTERN.test(zone)) return undefined;
  const scope = Number(zone);
  return scope <= SCOPE_MAX ? scope : undefined;
}
