// Cryptokey routing as a port of the device: which peer a destination belongs to, and whether a
// source belongs to the peer that a packet came from. A trie of allowed IPs serves a stand-alone
// device, the table of hosts p6nd.

declare const peerIndexBrand: unique symbol;
/**
 * A peer's place in its device: small, given at installation, given again only after the peer is
 * removed.
 */
export type PeerIndex = number & { readonly [peerIndexBrand]: true };

export const NO_PEER: PeerIndex = -1 as PeerIndex;

export interface Routes {
  /**
   * The peer for the destination of the inner packet at `offset` (its version nibble is 4 or 6), or
   * NO_PEER.
   */
  peerForDestination(bytes: Uint8Array, offset: number): PeerIndex;
  /** Whether the source of the inner packet at `offset` belongs to `peer`. */
  sourceBelongsTo(peer: PeerIndex, bytes: Uint8Array, offset: number): boolean;
  /**
   * Told by the device when a handshake with `peer` completed, so that of two keys of one host the
   * one that was proved last is used.
   */
  handshakeCompleted(peer: PeerIndex): void;
}
