// An endpoint of a batch as struct sockaddr_in or sockaddr_in6, for calls that are rare.

import {
  ENDPOINT_ADDRESS_OFFSET,
  ENDPOINT_FAMILY_OFFSET,
  ENDPOINT_PORT_OFFSET,
  ENDPOINT_SCOPE_OFFSET,
} from '../../../base/packet-batch.ts';
import { nativeMemory } from '../ffi.ts';
import {
  AF_INET,
  AF_INET6,
  SOCKADDR_FAMILY_OFFSET,
  SOCKADDR_IN_ADDRESS_OFFSET,
  SOCKADDR_IN_BYTES,
  SOCKADDR_IN6_ADDRESS_OFFSET,
  SOCKADDR_IN6_BYTES,
  SOCKADDR_IN6_SCOPE_OFFSET,
  SOCKADDR_PORT_OFFSET,
} from '../layouts.ts';

/** Where the endpoint at `endpoint` of `endpoints` is. */
export function socketAddress(endpoints: Uint8Array, endpoint: number): Buffer {
  const isIpv4 = endpoints[endpoint + ENDPOINT_FAMILY_OFFSET] === 4;
  const name = nativeMemory(isIpv4 ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
  const part = (offset: number, length: number): Uint8Array =>
    endpoints.subarray(endpoint + offset, endpoint + offset + length);
  name.writeUInt16LE(isIpv4 ? AF_INET : AF_INET6, SOCKADDR_FAMILY_OFFSET);
  name.set(part(ENDPOINT_PORT_OFFSET, 2), SOCKADDR_PORT_OFFSET);
  if (isIpv4) {
    name.set(part(ENDPOINT_ADDRESS_OFFSET, 4), SOCKADDR_IN_ADDRESS_OFFSET);
  } else {
    name.set(part(ENDPOINT_ADDRESS_OFFSET, 16), SOCKADDR_IN6_ADDRESS_OFFSET);
    name.set(part(ENDPOINT_SCOPE_OFFSET, 4), SOCKADDR_IN6_SCOPE_OFFSET);
  }
  return name;
}
