// Whose an address is, for limits that go by source: who has many addresses is one source with all
// of them.

import { IPV6_ADDRESS_BYTES, parseIpv6 } from '../ip/ipv6-address.ts';
import { classifyAddress } from './layout.ts';

/** What a network outside gives to one machine. */
const OUTSIDE_PREFIX_BYTES = 8;
const MAPPED_PREFIX = '::ffff:';

/** A text that is the same for all addresses of one instance, or of one /64 outside of the plan. */
export function sourceOf(address: string): string {
  const kind = classifyAddress(address);
  if (kind?.kind === 'instance') return `${kind.network}/${kind.host}/${kind.instance}`;
  const bytes = kind === undefined ? parseIpv6(address) : undefined;
  if (bytes?.length !== IPV6_ADDRESS_BYTES || address.startsWith(MAPPED_PREFIX)) return address;
  return `${bytes.subarray(0, OUTSIDE_PREFIX_BYTES).join('.')}/64`;
}
