// From this host's programs to the network, in the order in which packets are processed: read from
// a TUN, judged by the policy, sealed by the device, sent by UDP. A packet for another TUN of this
// host goes there at once, without WireGuard.

import type { Millis } from '../base/clock.ts';
import type { PacketBatch } from '../base/packet-batch.ts';
import { SendOutcome } from '../device/ports.ts';
import { Rejection, Verdict } from '../filter/verdict.ts';
import { PipelineCounter } from './counters.ts';
import type { Pipeline } from './pipeline.ts';
import { REJECTION_OFFSET } from './places.ts';

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
  const { outbound, outboundToPeers } = pipeline.buffers;
  outbound.clear();
  outboundToPeers.clear();
  const error = source.read(outbound, pipeline.buffers.outboundPlaces, tun);
  for (let i = 0; i < outbound.count; i++) judgeOutbound(pipeline, outbound, i, now);
  if (outboundToPeers.count > 0) sealOutbound(pipeline, now);
  if (error !== 0) return TunState.Failed;
  return outbound.count === outbound.capacity ? TunState.MoreWaits : TunState.Drained;
}

function judgeOutbound(pipeline: Pipeline, packets: PacketBatch, index: number, now: Millis): void {
  const { policy, tuns, counters } = pipeline;
  const offset = packets.offsets[index]!;
  const length = packets.lengths[index]!;
  const tun = packets.origins[index]!;
  counters[PipelineCounter.PacketsFromTuns]! += 1;
  counters[PipelineCounter.BytesFromTuns]! += length;
  const verdict = policy.judgeFromTun(tun, packets.slab.bytes, offset, length, now);
  if (verdict === Verdict.ToPeer) {
    pipeline.buffers.outboundToPeers.push(offset, length, tun);
  } else if (verdict === Verdict.ToTun) {
    tuns.write(policy.verdictTun, packets.slab, offset, length);
  } else if (policy.rejection !== Rejection.None) {
    rejectOutbound(pipeline, policy.rejection, packets, index, now);
  }
}

function sealOutbound(pipeline: Pipeline, now: Millis): void {
  const { device, udp, buffers } = pipeline;
  const { outboundToPeers, outcomes } = buffers;
  device.sendPackets(outboundToPeers, outcomes, now);
  udp.flush();
  for (let i = 0; i < outboundToPeers.count; i++) {
    const rejection = rejectionOf(outcomes[i] as SendOutcome);
    if (rejection !== Rejection.None) {
      rejectOutbound(pipeline, rejection, outboundToPeers, i, now);
    }
  }
}

/** The ICMPv6 answer to a packet that the device did not take; such a packet is still plain. */
export function rejectionOf(outcome: SendOutcome): Rejection {
  if (outcome === SendOutcome.NoPeer) return Rejection.NoRoute;
  if (outcome === SendOutcome.NoEndpoint) return Rejection.AddressUnreachable;
  return Rejection.None;
}

/** Answers the sender of a packet from a TUN, through the same TUN. */
function rejectOutbound(
  pipeline: Pipeline,
  rejection: Rejection,
  packets: PacketBatch,
  index: number,
  now: Millis,
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
  );
  if (length === 0) return;
  pipeline.counters[PipelineCounter.RejectionsToTuns]! += 1;
  pipeline.tuns.write(tun, localRejection, REJECTION_OFFSET, length);
}
