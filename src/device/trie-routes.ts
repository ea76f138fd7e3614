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
  /** By peer, its prefixes by their text: to list and withdraw them without a walk of all. */
  readonly #owned = new Map<PeerIndex, Map<string, Prefix>>();

  /** Routes a prefix to `peer`; it leaves the peer that had exactly this one. */
  insert(prefix: Prefix, peer: PeerIndex): void {
    const text = formatPrefix(prefix);
    const before = this.#familyOf(prefix).set(prefix, peer);
    if (before !== undefined) this.#owned.get(before)?.delete(text);
    const owned = this.#owned.get(peer) ?? new Map<string, Prefix>();
    owned.set(text, prefix);
    this.#owned.set(peer, owned);
  }

  /** Withdraws a prefix if it is `peer`'s. */
  remove(prefix: Prefix, peer: PeerIndex): void {
    if (this.#owned.get(peer)?.delete(formatPrefix(prefix)) !== true) return;
    this.#familyOf(prefix).delete(prefix);
  }

  /** Withdraws all prefixes of a peer. */
  removePeer(peer: PeerIndex): void {
    for (const prefix of this.#owned.get(peer)?.values() ?? []) {
      this.#familyOf(prefix).delete(prefix);
    }
    this.#owned.delete(peer);
  }

  /** The prefixes of a peer, in text. */
  prefixesOf(peer: PeerIndex): string[] {
    return [...(this.#owned.get(peer)?.keys() ?? [])];
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
