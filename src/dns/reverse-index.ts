// The addresses of a network's instances and WireGuard peers in the order of their digits, to find
// who has one and whether any begins like one.

import { toHex } from '../base/bytes.ts';
import { type Ipv6Address, ipv6Bytes } from '../ip/ipv6-address.ts';
import type { PointerTarget } from './content.ts';
import { machineName, type NetworkZone, peerName } from './zone.ts';

/** `fdaa`, which the reverse zone's own name holds. */
const APEX_DIGITS = 4;
const DIGITS = 32 - APEX_DIGITS;
const DIGIT_PATTERN = /^[0-9a-f]$/;

interface ReverseEntry {
  readonly digits: string;
  readonly targets: readonly PointerTarget[];
}

/** Ordered by digits: the 28 behind `fdaa`. */
export type ReverseIndex = readonly ReverseEntry[];

export function indexAddresses(zone: NetworkZone): ReverseIndex {
  const entries: ReverseEntry[] = [];
  for (const { name, instances, stopped } of zone.apps.values()) {
    for (const { address, machineId } of [...instances, ...stopped]) {
      const target = { name: machineName(machineId, name) };
      entries.push({ digits: digitsOf(address), targets: [target] });
    }
  }
  for (const peer of zone.peers) {
    entries.push({ digits: digitsOf(peer.address), targets: [{ name: peerName(peer) }] });
  }
  return entries.sort((a, b) => (a.digits < b.digits ? -1 : 1));
}

/**
 * What the labels before the apex, the last digit first, stand for: an address with a name, the
 * beginning of one (no targets), or undefined for neither.
 */
export function findAddress(
  index: ReverseIndex,
  labels: readonly string[],
): readonly PointerTarget[] | undefined {
  if (labels.length > DIGITS || !labels.every((label) => DIGIT_PATTERN.test(label))) {
    return undefined;
  }
  const digits = [...labels].reverse().join('');
  let low = 0;
  let high = index.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((index[middle] as ReverseEntry).digits < digits) low = middle + 1;
    else high = middle;
  }
  const entry = index[low];
  if (entry === undefined || !entry.digits.startsWith(digits)) return undefined;
  return digits.length === DIGITS ? entry.targets : [];
}

function digitsOf(address: Ipv6Address): string {
  return toHex(ipv6Bytes(address)).slice(APEX_DIGITS);
}
