// A wire: one WireGuard device with its sockets, and what waits to be sealed for its peers. A host
// of the mesh has one for hosts and, while it has WireGuard peers, one for these.

import type { PacketBatch } from '../../base/packet-batch.ts';
import type { Device } from '../../device/device.ts';
import type { Udp } from '../../os/udp.ts';
import type { Policy } from './policy.ts';

export interface Wire {
  readonly device: Device;
  readonly udp: Udp;
  /** Judges what comes from its peers. */
  readonly policy: Policy;
  /** Packets from TUNs and segments of their superpackets, where they were read or cut. */
  readonly fromTuns: PacketBatch;
  /** Copies of packets from peers, of this wire or another, at `transitPlaces`. */
  readonly fromPeers: PacketBatch;
}
