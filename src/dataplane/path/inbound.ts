// From the network to this host's programs, in the order in which packets are processed: received
// by UDP, opened by the device, judged by the policy, written to a TUN. A packet between a
// WireGuard peer of this host and another host is copied and sealed again.

import type { Millis } from '../../base/clock.ts';
import type { PacketBatch } from '../../base/packet-batch.ts';
import type { SendOutcome } from '../../device/ports.ts';
import type { PeerIndex } from '../../device/routes.ts';
import { Rejection, Verdict } from '../../filter/verdict.ts';
import { PipelineCounter } from '../counters.ts';
import { mtuOf, rejectionOf } from './outbound.ts';
import type { Pipeline } from './pipeline.ts';
import { REJECTION_OFFSET, REJECTION_STRIDE } from './places.ts';
import { GATEWAY_SOCKETS } from './tokens.ts';
import type { Wire } from './wire.ts';

/** Moves one batch of datagrams of one socket; true when it was full, so that more may wait. */
export function moveInbound(pipeline: Pipeline, socket: number, now: Millis): boolean {
  if (socket < GATEWAY_SOCKETS) return moveFromWire(pipeline, pipeline.wire, socket, now);
  const { gateway } = pipeline;
  if (gateway === undefined) return false;
  return moveFromWire(pipeline, gateway, socket - GATEWAY_SOCKETS, now);
}

function moveFromWire(pipeline: Pipeline, wire: Wire, socket: number, now: Millis): boolean {
  const { buffers, gateway } = pipeline;
  const { device, udp } = wire;
  const { datagrams, inbound, rejections } = buffers;
  const moreWaits = udp.receive(datagrams, socket);
  if (datagrams.count === 0) return moreWaits;
  inbound.clear();
  rejections.clear();
  device.receiveDatagrams(datagrams, inbound, now);
  udp.flush();
  for (let i = 0; i < inbound.count; i++) judgeInbound(pipeline, wire, i, now);
  buffers.merger.flush(pipeline.tuns);
  sealTransit(pipeline, pipeline.wire, wire, now);
  if (gateway !== undefined) sealTransit(pipeline, gateway, wire, now);
  if (rejections.count > 0) sealRejections(pipeline, wire, now);
  return moreWaits;
}

function judgeInbound(pipeline: Pipeline, wire: Wire, index: number, now: Millis): void {
  const { tuns, buffers } = pipeline;
  const { policy } = wire;
  const packets = buffers.inbound;
  const offset = packets.offsets[index]!;
  const length = packets.lengths[index]!;
  const peer = packets.origins[index] as PeerIndex;
  const verdict = policy.judgeFromPeer(peer, packets.slab.bytes, offset, length, now);
  if (verdict === Verdict.ToTun) {
    const to = policy.verdictTun;
    // A packet that came alone has nothing to be merged with.
    const mayMerge = packets.count > 1 && tuns.mergesAny(to);
    if (mayMerge) buffers.merger.add(to, offset, length);
    else tuns.write(to, packets.slab, offset, length);
  } else if (verdict === Verdict.ToPeer) {
    addTransit(pipeline, pipeline.wire, wire, index, now);
  } else if (verdict === Verdict.ToGatewayPeer) {
    if (pipeline.gateway === undefined) pipeline.counters[PipelineCounter.DropNoGateway]! += 1;
    else addTransit(pipeline, pipeline.gateway, wire, index, now);
  } else if (policy.rejection !== Rejection.None) {
    rejectInbound(pipeline, wire, policy.rejection, packets, index, now);
  }
}

/** Notes a packet of a peer of `from` for a peer of `to`. */
function addTransit(pipeline: Pipeline, to: Wire, from: Wire, index: number, now: Millis): void {
  const { inbound: packets, transitPlaces } = pipeline.buffers;
  const { fromPeers } = to;
  if (fromPeers.count === fromPeers.capacity) sealTransit(pipeline, to, from, now);
  const start = packets.offsets[index]!;
  const length = packets.lengths[index]!;
  const target = transitPlaces.firstOffset + fromPeers.count * transitPlaces.stride;
  fromPeers.slab.bytes.set(packets.slab.bytes.subarray(start, start + length), target);
  fromPeers.push(target, length, packets.origins[index]!);
}

function sealTransit(pipeline: Pipeline, to: Wire, from: Wire, now: Millis): void {
  const { device, udp, fromPeers } = to;
  if (fromPeers.count === 0) return;
  const { outcomes } = pipeline.buffers;
  device.sendPackets(fromPeers, outcomes, now);
  udp.flush();
  for (let i = 0; i < fromPeers.count; i++) {
    const rejection = rejectionOf(outcomes[i] as SendOutcome);
    if (rejection === Rejection.None) continue;
    const mtu = mtuOf(device, rejection, fromPeers, i);
    rejectInbound(pipeline, from, rejection, fromPeers, i, now, mtu);
  }
  fromPeers.clear();
}

/** Notes the answer to a packet from a peer of `wire`, which goes back through its tunnel. */
function rejectInbound(
  pipeline: Pipeline,
  wire: Wire,
  rejection: Rejection,
  packets: PacketBatch,
  index: number,
  now: Millis,
  mtu = 0,
): void {
  const { rejections } = pipeline.buffers;
  if (rejections.count === rejections.capacity) return;
  const peer = packets.origins[index] as PeerIndex;
  const target = REJECTION_OFFSET + rejections.count * REJECTION_STRIDE;
  const length = wire.policy.answerPeer(
    rejection,
    peer,
    packets.slab.bytes,
    packets.offsets[index]!,
    packets.lengths[index]!,
    rejections.slab.bytes,
    target,
    now,
    mtu,
  );
  if (length > 0) rejections.push(target, length, peer);
}

/** The device finds the tunnel by the answer's destination, which the tunnel has proved. */
function sealRejections({ buffers, counters }: Pipeline, { device, udp }: Wire, now: Millis): void {
  counters[PipelineCounter.RejectionsToPeers]! += buffers.rejections.count;
  device.sendPackets(buffers.rejections, buffers.outcomes, now);
  udp.flush();
}
