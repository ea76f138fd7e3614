// Where packets and datagrams stand in the data plane's memory. Each has a place of one size with
// room around it, so that it is sealed and opened where it was read:
//
//   outbound:  | headroom 16 | packet from the TUN ...            | tailroom 32 |
//   inbound:   | data message: header 16 | packet ... | padding | tag 16 | 32 spare |
//
// A packet that goes on from one peer to another is sealed again in the place where it was opened.

import { PACKET_HEADROOM, PACKET_TAILROOM } from '../device/ports.ts';
import { REJECTION_BYTES_MAX } from '../filter/rejection.ts';
import type { PacketPlaces } from '../os/tun.ts';

/** Packets of one read, and of one write. */
export const BATCH_PACKETS = 64;
/** The largest MTU: jumbo frames with WireGuard's headers inside. */
export const MTU_MAX = 9000;
export const MTU_MIN = 1280;

const HEADROOM: number = roundUp(PACKET_HEADROOM);
const TAILROOM: number = roundUp(PACKET_TAILROOM);

export interface Places {
  /** From one place to the next. */
  readonly bytes: number;
  /** The datagram of a packet of full size; the tailroom stays free behind it. */
  readonly datagramBytesMax: number;
  readonly outbound: PacketPlaces;
}

/** Above the largest MTU, so that a longer packet is seen to be one. */
export const MESH_PLACES: Places = makePlaces(9216);

/** Not a multiple of a page, so that the places do not compete for the same cache lines. */
export function makePlaces(packetBytesMax: number): Places {
  const bytes = HEADROOM + packetBytesMax + TAILROOM;
  return {
    bytes,
    datagramBytesMax: bytes - TAILROOM,
    outbound: { firstOffset: HEADROOM, stride: bytes, lengthMax: packetBytesMax },
  };
}

/** Answers to rejected packets, with the same room around them. */
export const REJECTION_OFFSET: number = HEADROOM;
export const REJECTION_STRIDE: number = HEADROOM + roundUp(REJECTION_BYTES_MAX) + TAILROOM;

function roundUp(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}
