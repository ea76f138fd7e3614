// Routes of a stand-alone device: allowed IPs, as wg(8) sets them. One trie for each address family
// for all peers, so that a source is checked by the same longest match as a destination.

import { DESTINATION_OFFSET, IPV4_VERSION, readVersion, SOURCE_OFFSET } from '../ip/header.ts';
import { IPV4_ADDRESS_BYTES } from '../ip/ipv4-address.ts';
import { IPV6_ADDRESS_BYTES } from '../ip/ipv6-address.ts';
import { formatPrefix, type Prefix } from '../ip/prefix.ts';
import { PrefixMap } from '../ip/prefix-map.ts';
import { NO_PEER, type PeerIndex, type Routes } from './routes.ts';

const IPV4_SOURCE_OFFSET = 12;
const IPV4_DESTINATION_OFFSET = 16;

export class TrieRoutes implements Routes {
  readonly #ipv4 = new PrefixMap<PeerIndex>(IPV4_ADDRESS_BYTES);
  readonly #ipv6 = new PrefixMap<PeerIndex>(IPV6_ADDRESS_BYTES);

  /** Routes a prefix to `peer`; it leaves the peer that had exactly this one. */
  insert(prefix: Prefix, peer: PeerIndex): void {
    this.#familyOf(prefix).set(prefix, peer);
  }

  /** Withdraws a prefix if it is `peer`'s. */
  remove(prefix: Prefix, peer: PeerIndex): void {
    const family = this.#familyOf(prefix);
    if (family.get(prefix) === peer) family.delete(prefix);
  }

  /** Withdraws all prefixes of a peer. */
  removePeer(peer: PeerIndex): void {
    for (const family of [this.#ipv4, this.#ipv6]) {
      const owned = [...family.entries()].filter(([, owner]) => owner === peer);
      for (const [prefix] of owned) family.delete(prefix);
    }
  }

  /** The prefixes of a peer, in text. */
  prefixesOf(peer: PeerIndex): string[] {
    return [...this.#ipv4.entries(), ...this.#ipv6.entries()]
      .filter(([, owner]) => owner === peer)
      .map(([prefix]) => formatPrefix(prefix));
  }

  peerForDestination(bytes: Uint8Array, offset: number): PeerIndex {
    const peer =
      readVersion(bytes, offset) === IPV4_VERSION
        ? this.#ipv4.lookup(bytes, offset + IPV4_DESTINATION_OFFSET)
        : this.#ipv6.lookup(bytes, offset + DESTINATION_OFFSET);
    return peer ?? NO_PEER;
  }

  sourceBelongsTo(peer: PeerIndex, bytes: Uint8Array, offset: number): boolean {
    const owner =
      readVersion(bytes, offset) === IPV4_VERSION
        ? this.#ipv4.lookup(bytes, offset + IPV4_SOURCE_OFFSET)
        : this.#ipv6.lookup(bytes, offset + SOURCE_OFFSET);
    return owner === peer;
  }

  /** Allowed IPs belong to one peer each, so a handshake changes nothing. */
  handshakeCompleted(): void {}

  #familyOf(prefix: Prefix): PrefixMap<PeerIndex> {
    return prefix.bytes.length === IPV4_ADDRESS_BYTES ? this.#ipv4 : this.#ipv6;
  }
}
