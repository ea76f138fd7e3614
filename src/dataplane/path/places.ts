// Where packets and datagrams stand in the data plane's memory. Each has a place of one size with
// room around it, so that it is sealed and opened where it was read:
//
//   outbound:  | headroom 16 | packet from the TUN ...            | tailroom 32 |
//              and behind all places room for the segments of superpackets, packed alike
//   transit:   as outbound
//   inbound:   | data message: header 16 | packet ... | padding | tag 16 | the next message ... |
//
// Messages of one run stand directly behind each other, with no room for what another peer's
// session would write, so a packet that goes on from one peer to another is copied to a place of
// its own.

import { PACKET_HEADROOM, PACKET_TAILROOM } from '../../device/ports.ts';
import { REJECTION_BYTES_MAX } from '../../filter/rejection.ts';
import type { PacketPlaces } from '../../os/tun.ts';
import { RUN_BYTES_MAX, RUN_DATAGRAMS_MAX } from '../../os/udp.ts';
import { AEAD_TAG_BYTES } from '../../wireguard/crypto/crypto.ts';

/** Packets of one read, and of one write. */
export const BATCH_PACKETS = 64;
/** The largest MTU: jumbo frames with WireGuard's headers inside. */
export const MTU_MAX = 9000;
export const MTU_MIN = 1280;

/** Messages of one receive, each a datagram or a run of them. */
export const RECEIVE_PLACES = 32;
/** Like makePlaces(), not a multiple of a page. */
export const RECEIVE_STRIDE: number = roundUp(RUN_BYTES_MAX) + 64;
export const RECEIVE_DATAGRAMS: number = RECEIVE_PLACES * RUN_DATAGRAMS_MAX;

const HEADROOM: number = roundUp(PACKET_HEADROOM);
const TAILROOM: number = roundUp(PACKET_TAILROOM);

/** Bytes of one read, so that what was read is still in the cache when it is sealed. */
const READ_BYTES_MAX: number = 192 * 1024;

export interface Places {
  /** From one place to the next. */
  readonly bytes: number;
  /** The datagram of a packet of full size; the tailroom stays free behind it. */
  readonly datagramBytesMax: number;
  readonly transit: PacketPlaces;
}

/** Above the largest MTU, so that a longer packet is seen to be one. */
export const MESH_PLACES: Places = makePlaces(9216);

/** Not a multiple of a page, so that the places do not compete for the same cache lines. */
export function makePlaces(packetBytesMax: number): Places {
  const bytes = HEADROOM + packetBytesMax + TAILROOM;
  return {
    bytes,
    datagramBytesMax: bytes - TAILROOM,
    transit: packetPlaces(packetBytesMax),
  };
}

/** Packets of one read: superpackets, and packets of any MTU. */
export const OUTBOUND_PLACES: PacketPlaces = packetPlaces(65_536);
/** Packets on their way to peers, segments among them, that are sealed and sent together. */
export const OUTBOUND_PACKETS = 128;
/** Room for segments; a superpacket of larger ones is sealed in several goes. */
export const SEGMENTS_OFFSET: number = BATCH_PACKETS * OUTBOUND_PLACES.stride;
export const SEGMENTS_BYTES: number = 192 * 1024;

/** Where the packet of a segment begins when its place begins at `place`. */
export function segmentOffset(place: number): number {
  return place + HEADROOM;
}

/** Where the next place begins: without padding to spare, messages stand behind each other. */
export function nextSegmentPlace(place: number, length: number): number {
  return place + HEADROOM + roundUp(length) + AEAD_TAG_BYTES;
}

function packetPlaces(lengthMax: number): PacketPlaces {
  const stride = HEADROOM + lengthMax + TAILROOM;
  return { firstOffset: HEADROOM, stride, lengthMax, bytesMax: READ_BYTES_MAX };
}

/** Answers to rejected packets, with the same room around them. */
export const REJECTION_OFFSET: number = HEADROOM;
export const REJECTION_STRIDE: number = HEADROOM + roundUp(REJECTION_BYTES_MAX) + TAILROOM;

function roundUp(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}
