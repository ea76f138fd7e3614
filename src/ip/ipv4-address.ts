// IPv4 addresses: dotted quads in text, 4 bytes in packets. Mesh addresses are IPv6; these serve
// outer endpoints and a stand-alone device's allowed IPs.

declare const ipv4Brand: unique symbol;
/** An IPv4 address as four decimal numbers without leading zeros. */
export type Ipv4Address = string & { readonly [ipv4Brand]: true };

export const IPV4_ADDRESS_BYTES = 4;

const PATTERN = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/**
 * The 4 bytes of a dotted quad, or undefined. Leading zeros are refused: some read them as octal.
 */
export function parseIpv4(text: string): Uint8Array | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const bytes = Uint8Array.from(match.slice(1), Number);
  return bytes.join('.') === text ? bytes : undefined;
}

/** The text of the 4 bytes at `offset`. */
export function formatIpv4(bytes: Uint8Array, offset = 0): Ipv4Address {
  return bytes.subarray(offset, offset + IPV4_ADDRESS_BYTES).join('.') as Ipv4Address;
}
