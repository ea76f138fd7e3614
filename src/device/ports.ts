// What a device asks of whoever runs it: somewhere to put datagrams, and an ear for events.

import type { Slab } from '../base/slab.ts';
import { AEAD_TAG_BYTES } from '../wireguard/crypto/crypto.ts';
import type { PeerIndex } from './routes.ts';

/** Free bytes that must stand before each packet that is sent: the header of a data message. */
export const PACKET_HEADROOM = 16;
/**
 * Free bytes that must stand behind each packet that is sent: padding to a multiple of 16, and the
 * tag. A packet of the full MTU is not padded and needs the 16 bytes of the tag alone.
 */
export const PACKET_TAILROOM: number = 15 + AEAD_TAG_BYTES;

/** The traffic class of handshake messages: AF41, not ECN-capable. */
export const HANDSHAKE_TRAFFIC_CLASS = 0x88;
/** The traffic class of data messages. */
export const DATA_TRAFFIC_CLASS = 0;

/**
 * Where a device puts the datagrams that it wants sent, in order.
 */
export interface DatagramSink {
  /**
   * Takes the datagram of `length` bytes at `offset` of `slab` for the endpoint at
   * `endpoints[endpointOffset]` (ENDPOINT_BYTES of base/packet-batch.ts). Bytes and endpoint may be
   * referenced, not copied: they stay as they are until flush() is called or until the next call of
   * any method of the device, so the owner of the sink sends what it holds before that. Must not
   * call the device.
   */
  push(
    slab: Slab,
    offset: number,
    length: number,
    endpoints: Uint8Array,
    endpointOffset: number,
    trafficClass: number,
  ): void;
  /**
   * Whether the local address of the endpoint at `endpoints[endpointOffset]` is still the one to
   * send from. Asked once for a peer after each change of routes; where it is absent, no local
   * address outlives a change.
   */
  isSourceRight?(endpoints: Uint8Array, endpointOffset: number): boolean;
  /**
   * Sends a datagram at once and in one piece: no router may cut it, and one that does not fit the
   * interface is not sent. Called after flush(). Where it is absent, no path is probed.
   */
  sendWhole?(
    slab: Slab,
    offset: number,
    length: number,
    endpoints: Uint8Array,
    endpointOffset: number,
  ): void;
  /**
   * The longest IP packet that goes to the endpoint at `endpoints[endpointOffset]` in one piece, as
   * far as the system knows; 0 when it knows nothing. Not asked for every packet.
   */
  pathMtu?(endpoints: Uint8Array, endpointOffset: number): number;
  /**
   * Lets go of everything that was pushed: the device calls it when its scratch memory is used up.
   */
  flush(): void;
}

/** What happens to peers; called in the middle of a device's method, so it must not call back. */
export interface DeviceEvents {
  /** A handshake ended with a session that both sides have proved. */
  handshakeCompleted(peer: PeerIndex): void;
  /** No initiation was answered for as long as one handshake is tried; again while it lasts. */
  peerSilent(peer: PeerIndex): void;
  /** An authenticated message came from another address or port than the ones before. */
  endpointRoamed(peer: PeerIndex): void;
}

/** What became of a packet that was given to Device.sendPackets(). */
export const SendOutcome = {
  /** Sealed and given to the sink. */
  Sent: 0,
  /** Copied; it goes out when the handshake completes, and is dropped if it never does. */
  Staged: 1,
  /** Dropped: no peer has this destination. */
  NoPeer: 2,
  /** Dropped: the peer has not said where it is. */
  NoEndpoint: 3,
  /** Dropped: the memory for packets that wait for handshakes is used up. */
  NoMemory: 4,
  /** Dropped: longer than Device.limitFor() says. */
  TooBig: 5,
} as const;
export type SendOutcome = (typeof SendOutcome)[keyof typeof SendOutcome];
