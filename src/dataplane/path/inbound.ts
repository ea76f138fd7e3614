// From the network to this host's programs, in the order in which packets are processed: received
// by UDP, opened by the device, judged by the policy, written to a TUN. A packet between a
// WireGuard peer of this host and another host is copied and sealed again.

import type { Millis } from '../../base/clock.ts';
import type { PacketBatch } from '../../base/packet-batch.ts';
import type { SendOutcome } from '../../device/ports.ts';
import type { PeerIndex } from '../../device/routes.ts';
import { Rejection, Verdict } from '../../filter/verdict.ts';
import { PipelineCounter } from '../counters.ts';
import { rejectionOf } from './outbound.ts';
import type { Pipeline } from './pipeline.ts';
import { REJECTION_OFFSET, REJECTION_STRIDE } from './places.ts';

/** Moves one batch of datagrams of one socket; true when it was full, so that more may wait. */
export function moveInbound(pipeline: Pipeline, socket: number, now: Millis): boolean {
  const { device, udp, buffers } = pipeline;
  const { datagrams, inbound, inboundToPeers, rejections } = buffers;
  const moreWaits = udp.receive(datagrams, socket);
  if (datagrams.count === 0) return moreWaits;
  inbound.clear();
  inboundToPeers.clear();
  rejections.clear();
  device.receiveDatagrams(datagrams, inbound, now);
  udp.flush();
  for (let i = 0; i < inbound.count; i++) judgeInbound(pipeline, inbound, i, now);
  buffers.merger.flush(pipeline.tuns);
  if (inboundToPeers.count > 0) sealTransit(pipeline, now);
  if (rejections.count > 0) sealRejections(pipeline, now);
  return moreWaits;
}

function judgeInbound(pipeline: Pipeline, packets: PacketBatch, index: number, now: Millis): void {
  const { policy, tuns } = pipeline;
  const offset = packets.offsets[index]!;
  const length = packets.lengths[index]!;
  const peer = packets.origins[index] as PeerIndex;
  const verdict = policy.judgeFromPeer(peer, packets.slab.bytes, offset, length, now);
  if (verdict === Verdict.ToTun) {
    const to = policy.verdictTun;
    // A packet that came alone has nothing to be merged with.
    const mayMerge = packets.count > 1 && tuns.mergesAny(to);
    if (mayMerge) pipeline.buffers.merger.add(to, offset, length);
    else tuns.write(to, packets.slab, offset, length);
  } else if (verdict === Verdict.ToPeer) {
    addTransit(pipeline, packets, index, now);
  } else if (policy.rejection !== Rejection.None) {
    rejectInbound(pipeline, policy.rejection, packets, index, now);
  }
}

function addTransit(pipeline: Pipeline, packets: PacketBatch, index: number, now: Millis): void {
  const { inboundToPeers, transitPlaces } = pipeline.buffers;
  if (inboundToPeers.count === inboundToPeers.capacity) sealTransit(pipeline, now);
  const start = packets.offsets[index]!;
  const length = packets.lengths[index]!;
  const target = transitPlaces.firstOffset + inboundToPeers.count * transitPlaces.stride;
  inboundToPeers.slab.bytes.set(packets.slab.bytes.subarray(start, start + length), target);
  inboundToPeers.push(target, length, packets.origins[index]!);
}

function sealTransit(pipeline: Pipeline, now: Millis): void {
  const { device, udp, buffers } = pipeline;
  const { inboundToPeers, outcomes } = buffers;
  device.sendPackets(inboundToPeers, outcomes, now);
  udp.flush();
  for (let i = 0; i < inboundToPeers.count; i++) {
    const rejection = rejectionOf(outcomes[i] as SendOutcome);
    if (rejection !== Rejection.None) rejectInbound(pipeline, rejection, inboundToPeers, i, now);
  }
  inboundToPeers.clear();
}

/** Notes the answer to a packet from a peer, which goes back through the peer's tunnel. */
function rejectInbound(
  pipeline: Pipeline,
  rejection: Rejection,
  packets: PacketBatch,
  index: number,
  now: Millis,
): void {
  const { rejections } = pipeline.buffers;
  if (rejections.count === rejections.capacity) return;
  const peer = packets.origins[index] as PeerIndex;
  const target = REJECTION_OFFSET + rejections.count * REJECTION_STRIDE;
  const length = pipeline.policy.answerPeer(
    rejection,
    peer,
    packets.slab.bytes,
    packets.offsets[index]!,
    packets.lengths[index]!,
    rejections.slab.bytes,
    target,
    now,
  );
  if (length > 0) rejections.push(target, length, peer);
}

/** The device finds the tunnel by the answer's destination, which the tunnel has proved. */
function sealRejections({ device, udp, buffers, counters }: Pipeline, now: Millis): void {
  counters[PipelineCounter.RejectionsToPeers]! += buffers.rejections.count;
  device.sendPackets(buffers.rejections, buffers.outcomes, now);
  udp.flush();
}
