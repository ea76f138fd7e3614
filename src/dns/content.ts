// What may stand at a name, as values that records are made of. Each is made once a snapshot, so
// that its encoding can be remembered by the value itself.

import type { Ipv6Address } from '../ip/ipv6-address.ts';

/** An AAAA record. */
export interface AddressTarget {
  readonly address: Ipv6Address;
}

/** A PTR record. */
export interface PointerTarget {
  /** Without the final dot. */
  readonly name: string;
}

/** An SRV record. */
export interface ServiceTarget {
  readonly port: number;
  /** Without the final dot. */
  readonly target: string;
  /** What stands at `target`, which the answer says as well. */
  readonly instance: AddressTarget;
}

/** Entries (ASCII) of one TXT record with what stands between them; none of them, no record. */
export interface TextList {
  readonly separator: ',' | ';';
  readonly entries: readonly string[];
}

/** Addresses by distance, nearest first, of which an answer has at most `count`. */
export interface NearestTargets {
  readonly groups: readonly (readonly AddressTarget[])[];
  readonly count: number;
}

/**
 * What stands at a name that exists. A question for a type that is not among it is answered without
 * records, so that no handler can take a missing type for a missing name.
 */
export interface NameContent {
  /** AAAA records, in random order. */
  readonly instances?: readonly AddressTarget[];
  /** AAAA records in this order, in random order where the distance is the same. */
  readonly nearest?: NearestTargets;
  readonly text?: TextList;
  readonly pointers?: readonly PointerTarget[];
  /** SRV records, in random order. */
  readonly services?: readonly ServiceTarget[];
  /** Whether the SOA record stands here. */
  readonly authority?: true;
}

/** A name that exists and holds nothing itself. */
export const NOTHING_HERE: NameContent = {};
