// Routes of a mesh: the host id stands in the address, so the peer of a destination is an array
// lookup. Peers with one address each (laptops, invites behind this host) stand beside the table.
//
//   host id - idMin:      0       1       2
//   current key       [ peer 4 | peer 0 | none ]
//   next key          [ none   | peer 7 | none ]     while host 1 changes its key
//   used for sending  [ peer 4 | peer 7 | none ]     the one that was proved last

import { assert } from '../base/assert.ts';
import {
  DESTINATION_OFFSET,
  IPV6_VERSION,
  readUint32,
  readVersion,
  SOURCE_OFFSET,
} from '../ip/header.ts';
import { IPV6_ADDRESS_BYTES } from '../ip/ipv6-address.ts';
import { PrefixMap } from '../ip/prefix-map.ts';
import { NO_PEER, type PeerIndex, type Routes } from './routes.ts';

/** Where the host field of an address is and which values it has. */
export interface HostField {
  /** The first bytes of every address. */
  readonly prefix: Uint8Array;
  /** Offset of the 32-bit big-endian host field in the 16 bytes of an address. */
  readonly offset: number;
  readonly idMin: number;
  readonly hostsMax: number;
}

export type HostKey = 'current' | 'next';

const ADDRESS_BITS: number = 8 * IPV6_ADDRESS_BYTES;
const CAPACITY_MIN = 64;
const NOWHERE = -1;

export class HostRoutes implements Routes {
  readonly #field: HostField;
  #current = emptyTable(CAPACITY_MIN);
  #next = emptyTable(CAPACITY_MIN);
  #used = emptyTable(CAPACITY_MIN);
  readonly #placeOfPeer = new Map<PeerIndex, number>();
  readonly #addresses = new PrefixMap<PeerIndex>(IPV6_ADDRESS_BYTES);

  constructor(field: HostField) {
    this.#field = field;
  }

  /** Routes every address of a host to `peer`, its current or its next key. */
  setHost(hostId: number, key: HostKey, peer: PeerIndex): void {
    const place = hostId - this.#field.idMin;
    const { hostsMax } = this.#field;
    assert(place >= 0 && place < hostsMax, 'HostRoutes.setHost: host id out of range');
    this.#reserve(place);
    this.removeHost(hostId, key);
    (key === 'current' ? this.#current : this.#next)[place] = peer;
    this.#placeOfPeer.set(peer, place);
    if (this.#used[place] === NO_PEER) this.#used[place] = peer;
  }

  /** Withdraws one key of a host. */
  removeHost(hostId: number, key: HostKey): void {
    const place = hostId - this.#field.idMin;
    const [table, other] =
      key === 'current' ? [this.#current, this.#next] : [this.#next, this.#current];
    const peer = table[place];
    if (peer === undefined || peer === NO_PEER) return;
    table[place] = NO_PEER;
    if (other[place] !== peer) this.#placeOfPeer.delete(peer as PeerIndex);
    if (this.#used[place] === peer) this.#used[place] = other[place]!;
  }

  /** Routes one address (16 bytes) to `peer`; an earlier route of it is replaced. */
  setAddress(address: Uint8Array, peer: PeerIndex): void {
    this.#addresses.set({ bytes: new Uint8Array(address), bits: ADDRESS_BITS }, peer);
  }

  removeAddress(address: Uint8Array): void {
    this.#addresses.delete({ bytes: address, bits: ADDRESS_BITS });
  }

  peerForDestination(bytes: Uint8Array, offset: number): PeerIndex {
    if (readVersion(bytes, offset) !== IPV6_VERSION) return NO_PEER;
    const place = this.#placeAt(bytes, offset + DESTINATION_OFFSET);
    const peer = place === NOWHERE ? NO_PEER : (this.#used[place] as PeerIndex);
    if (peer !== NO_PEER) return peer;
    return this.#addresses.lookup(bytes, offset + DESTINATION_OFFSET) ?? NO_PEER;
  }

  sourceBelongsTo(peer: PeerIndex, bytes: Uint8Array, offset: number): boolean {
    if (peer === NO_PEER || readVersion(bytes, offset) !== IPV6_VERSION) return false;
    const place = this.#placeAt(bytes, offset + SOURCE_OFFSET);
    if (place !== NOWHERE) {
      if (this.#current[place] === peer || this.#next[place] === peer) return true;
    }
    return this.#addresses.lookup(bytes, offset + SOURCE_OFFSET) === peer;
  }

  /** From here on the host of `peer` is sent to by this key: the other side has it for certain. */
  handshakeCompleted(peer: PeerIndex): void {
    const place = this.#placeOfPeer.get(peer);
    if (place !== undefined) this.#used[place] = peer;
  }

  /** The place in the tables of the host in the address at `offset`, or NOWHERE. */
  #placeAt(bytes: Uint8Array, offset: number): number {
    const { prefix, idMin } = this.#field;
    for (let i = 0; i < prefix.length; i++) {
      if (bytes[offset + i] !== prefix[i]) return NOWHERE;
    }
    const place = readUint32(bytes, offset + this.#field.offset) - idMin;
    return place >= 0 && place < this.#used.length ? place : NOWHERE;
  }

  #reserve(place: number): void {
    const { length } = this.#used;
    if (place < length) return;
    const capacity = Math.min(this.#field.hostsMax, Math.max(2 * length, place + 1));
    this.#current = grown(this.#current, capacity);
    this.#next = grown(this.#next, capacity);
    this.#used = grown(this.#used, capacity);
  }
}

function emptyTable(capacity: number): Int32Array {
  return new Int32Array(capacity).fill(NO_PEER);
}

function grown(table: Int32Array, capacity: number): Int32Array {
  const larger = emptyTable(capacity);
  larger.set(table);
  return larger;
}
