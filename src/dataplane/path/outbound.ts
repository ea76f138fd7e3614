// From this host's programs to the network, in the order in which packets are processed: read from
// a TUN, judged by the policy, sealed by the device, sent by UDP. A packet for another TUN of this
// host goes there at once, without WireGuard.

import type { Millis } from '../../base/clock.ts';
import type { PacketBatch } from '../../base/packet-batch.ts';
import type { Device } from '../../device/device.ts';
import { SendOutcome } from '../../device/ports.ts';
import { Rejection, Verdict } from '../../filter/verdict.ts';
import { bytesEqual, IPV4_VERSION, readVersion, SOURCE_OFFSET } from '../../ip/header.ts';
import { IPV4_ADDRESSES_BYTES, IPV4_SOURCE_OFFSET } from '../../ip/ipv4-header.ts';
import { IPV6_ADDRESS_BYTES } from '../../ip/ipv6-address.ts';
import { SUPERPACKET_REFUSED, type Tun } from '../../os/tun.ts';
import { readSuperpacketKind, SuperpacketKind } from '../../os/virtio-header.ts';
import { PipelineCounter } from '../counters.ts';
import type { Pipeline } from './pipeline.ts';
import {
  nextSegmentPlace,
  OUTBOUND_PLACES,
  REJECTION_OFFSET,
  SEGMENTS_BYTES,
  SEGMENTS_OFFSET,
  segmentOffset,
} from './places.ts';
import type { Wire } from './wire.ts';

/** How a TUN is after one batch was moved from it. */
export const TunState = {
  /** Nothing waits. */
  Drained: 0,
  /** The batch was full, more may wait. */
  MoreWaits: 1,
  /** It cannot be read any more: the interface is gone. */
  Failed: 2,
} as const;
export type TunState = (typeof TunState)[keyof typeof TunState];

/** Moves one batch of packets from TUN number `tun`. */
export function moveOutbound(pipeline: Pipeline, tun: number, now: Millis): TunState {
  const source = pipeline.tuns.get(tun);
  if (source === undefined) return TunState.Drained;
  const { outbound } = pipeline.buffers;
  outbound.clear();
  const error = source.read(outbound, OUTBOUND_PLACES, tun);
  let bytes = 0;
  for (let i = 0; i < outbound.count; i++) {
    bytes += outbound.lengths[i]!;
    judgeOutbound(pipeline, source, i, now);
  }
  sealOutbound(pipeline, now);
  if (error !== 0) return TunState.Failed;
  const isFull = outbound.count === outbound.capacity || bytes >= OUTBOUND_PLACES.bytesMax;
  return isFull ? TunState.MoreWaits : TunState.Drained;
}

/** A superpacket is judged once, for all of its segments. */
function judgeOutbound(pipeline: Pipeline, source: Tun, index: number, now: Millis): void {
  const { policy, counters } = pipeline;
  const { outbound } = pipeline.buffers;
  const offset = outbound.offsets[index]!;
  const length = outbound.lengths[index]!;
  const tun = outbound.origins[index]!;
  counters[PipelineCounter.PacketsFromTuns]! += 1;
  counters[PipelineCounter.BytesFromTuns]! += length;
  if (source.hasHeaders && !pipeline.buffers.segmenter.isChecksumInPlace(offset, length)) {
    counters[PipelineCounter.DropSuperpacket]! += 1;
    return;
  }
  const verdict = policy.judgeFromTun(tun, outbound.slab.bytes, offset, length, now);
  if (verdict === Verdict.ToPeer) {
    passToPeer(pipeline, pipeline.wire, source, index, now);
  } else if (verdict === Verdict.ToTun) {
    passToTun(pipeline, source, index, now);
  } else if (verdict === Verdict.ToGatewayPeer) {
    if (pipeline.gateway === undefined) counters[PipelineCounter.DropNoGateway]! += 1;
    else passToPeer(pipeline, pipeline.gateway, source, index, now);
  } else if (policy.rejection !== Rejection.None) {
    rejectOutbound(pipeline, policy.rejection, outbound, index, now);
  }
}

/** Superpackets are cut behind the places; whole packets stay where they are. */
function passToPeer(pipeline: Pipeline, wire: Wire, source: Tun, index: number, now: Millis): void {
  const { outbound, segmenter } = pipeline.buffers;
  const { fromTuns } = wire;
  const { bytes } = outbound.slab;
  const offset = outbound.offsets[index]!;
  const length = outbound.lengths[index]!;
  const tun = outbound.origins[index]!;
  if (source.hasHeaders && readSuperpacketKind(bytes, offset) !== SuperpacketKind.None) {
    passSegments(pipeline, wire, index, now);
  } else {
    if (source.hasHeaders) segmenter.finishChecksum(offset, length);
    if (fromTuns.count === fromTuns.capacity) sealOutbound(pipeline, now);
    fromTuns.push(offset, length, tun);
  }
}

function passSegments(pipeline: Pipeline, wire: Wire, index: number, now: Millis): void {
  const { outbound, segmenter } = pipeline.buffers;
  const { fromTuns } = wire;
  const offset = outbound.offsets[index]!;
  const tun = outbound.origins[index]!;
  if (!segmenter.begin(offset, outbound.lengths[index]!)) {
    pipeline.counters[PipelineCounter.DropSuperpacket]! += 1;
    return;
  }
  pipeline.counters[PipelineCounter.SegmentsFromTuns]! += segmenter.count;
  for (;;) {
    const end = nextSegmentPlace(pipeline.buffers.segmentPlace, segmenter.lengthMax);
    const isFull = fromTuns.count === fromTuns.capacity;
    if (isFull || end > SEGMENTS_OFFSET + SEGMENTS_BYTES) sealOutbound(pipeline, now);
    const target = segmentOffset(pipeline.buffers.segmentPlace);
    const length = segmenter.next(target);
    if (length === 0) return;
    fromTuns.push(target, length, tun);
    pipeline.buffers.segmentPlace = nextSegmentPlace(pipeline.buffers.segmentPlace, length);
  }
}

/** Between two TUNs with headers a superpacket stays one, with its checksum still to be made. */
function passToTun(pipeline: Pipeline, source: Tun, index: number, now: Millis): void {
  const { tuns } = pipeline;
  const to = pipeline.policy.verdictTun;
  const { outbound, segmenter } = pipeline.buffers;
  const { slab } = outbound;
  const offset = outbound.offsets[index]!;
  const length = outbound.lengths[index]!;
  const target = tuns.get(to);
  if (target === undefined || !source.hasHeaders) {
    tuns.write(to, slab, offset, length);
    return;
  }
  // All TUNs of a process are alike.
  const error = target.writeWithHeader(slab, offset, length);
  const isRefused = error === SUPERPACKET_REFUSED && segmenter.begin(offset, length);
  if (!isRefused) {
    tuns.count(to, error, 1, length);
    return;
  }
  // What waits for peers may fill the room of segments.
  const end = nextSegmentPlace(pipeline.buffers.segmentPlace, segmenter.lengthMax);
  if (end > SEGMENTS_OFFSET + SEGMENTS_BYTES) sealOutbound(pipeline, now);
  const place = segmentOffset(pipeline.buffers.segmentPlace);
  for (let bytes = segmenter.next(place); bytes > 0; bytes = segmenter.next(place)) {
    tuns.write(to, slab, place, bytes);
  }
}

/** Both wires at once, as they share the room of segments. */
function sealOutbound(pipeline: Pipeline, now: Millis): void {
  sealFor(pipeline, pipeline.wire, now);
  if (pipeline.gateway !== undefined) sealFor(pipeline, pipeline.gateway, now);
  pipeline.buffers.segmentPlace = SEGMENTS_OFFSET;
}

function sealFor(pipeline: Pipeline, { device, udp, fromTuns }: Wire, now: Millis): void {
  if (fromTuns.count === 0) return;
  const { outcomes } = pipeline.buffers;
  device.sendPackets(fromTuns, outcomes, now);
  udp.flush();
  for (let i = 0; i < fromTuns.count; i++) {
    const outcome = outcomes[i] as SendOutcome;
    const rejection = rejectionOf(outcome);
    if (rejection === Rejection.None) continue;
    // One answer is enough for all segments of a superpacket.
    if (i > 0 && outcome === outcomes[i - 1] && isSameWay(fromTuns, i - 1, i)) continue;
    rejectOutbound(pipeline, rejection, fromTuns, i, now, mtuOf(device, rejection, fromTuns, i));
  }
  fromTuns.clear();
}

/** Whether two packets go from one place to one other. */
function isSameWay({ slab, offsets, origins }: PacketBatch, a: number, b: number): boolean {
  if (origins[a] !== origins[b]) return false;
  const isIpv4 = readVersion(slab.bytes, offsets[a]!) === IPV4_VERSION;
  const addresses = isIpv4 ? IPV4_SOURCE_OFFSET : SOURCE_OFFSET;
  const length = isIpv4 ? IPV4_ADDRESSES_BYTES : 2 * IPV6_ADDRESS_BYTES;
  const [one, other] = [offsets[a]! + addresses, offsets[b]! + addresses];
  return bytesEqual(slab.bytes, one, slab.bytes, other, length);
}

/** The ICMPv6 answer to a packet that the device did not take; such a packet is still plain. */
export function rejectionOf(outcome: SendOutcome): Rejection {
  if (outcome === SendOutcome.NoPeer) return Rejection.NoRoute;
  if (outcome === SendOutcome.NoEndpoint) return Rejection.AddressUnreachable;
  if (outcome === SendOutcome.TooBig) return Rejection.PacketTooBig;
  return Rejection.None;
}

/** What a sender is told whose packet is too big; 0 with any other answer. */
export function mtuOf(
  device: Device,
  rejection: Rejection,
  { slab, offsets }: PacketBatch,
  index: number,
): number {
  return rejection === Rejection.PacketTooBig ? device.limitFor(slab.bytes, offsets[index]!) : 0;
}

/** Answers the sender of a packet from a TUN, through the same TUN. */
function rejectOutbound(
  pipeline: Pipeline,
  rejection: Rejection,
  packets: PacketBatch,
  index: number,
  now: Millis,
  mtu = 0,
): void {
  const { localRejection } = pipeline.buffers;
  const tun = packets.origins[index]!;
  const length = pipeline.policy.answerTun(
    rejection,
    tun,
    packets.slab.bytes,
    packets.offsets[index]!,
    packets.lengths[index]!,
    localRejection.bytes,
    REJECTION_OFFSET,
    now,
    mtu,
  );
  if (length === 0) return;
  pipeline.counters[PipelineCounter.RejectionsToTuns]! += 1;
  pipeline.tuns.write(tun, localRejection, REJECTION_OFFSET, length);
}
