// The packet path put together over ports: what the data plane of a host and that of a lone
// interface have in common. Sockets, routes and the policy are theirs.

import type { Clock, Millis, WallMillis } from '../../base/clock.ts';
import { PacketBatch } from '../../base/packet-batch.ts';
import type { Random } from '../../base/random.ts';
import { Device, type DeviceOptions } from '../../device/device.ts';
import type { DeviceEvents } from '../../device/ports.ts';
import type { Routes } from '../../device/routes.ts';
import type { Offloads, OnRefused } from '../../os/offloads.ts';
import type { Poller } from '../../os/poller.ts';
import type { AllocateSlab, AllocateSummedSlab } from '../../os/slab.ts';
import type { OpenTun } from '../../os/tun.ts';
import type { OpenUdp, Udp, UdpOptions } from '../../os/udp.ts';
import type { Crypto } from '../../wireguard/crypto/crypto.ts';
import { type DataplaneCounters, PipelineCounter } from '../counters.ts';
import { makeBuffers, type Pipeline } from './pipeline.ts';
import {
  BATCH_PACKETS,
  OUTBOUND_PACKETS,
  type Places,
  RECEIVE_PLACES,
  RECEIVE_STRIDE,
} from './places.ts';
import { TunTable } from './tun-table.ts';
import type { Wire } from './wire.ts';

export interface EngineDependencies {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly clock: Clock;
  /** The time for initiations; that of the clock when absent. */
  readonly timestampNow?: () => WallMillis;
  /** Measures the work of handshakes: a clock that runs only while this thread does. */
  readonly workNow: () => Millis;
  readonly allocateSlab: AllocateSlab;
  readonly allocateSummedSlab: AllocateSummedSlab;
  readonly openTun: OpenTun;
  readonly openUdp: OpenUdp;
  readonly poller: Pick<Poller, 'add' | 'remove'>;
  readonly counters: DataplaneCounters;
  readonly onRefused: OnRefused;
}

export interface GroundOptions {
  readonly places: Places;
  readonly offloads: Offloads;
}

/** What all wires of a data plane share. */
export type Ground = Omit<Pipeline, 'policy' | 'wire' | 'gateway'>;

export interface WireOptions<Sockets extends Udp> extends GroundOptions {
  readonly openSockets: (options: Omit<UdpOptions, 'port'>) => Sockets;
  readonly routes: Routes;
  readonly events: DeviceEvents;
  readonly device: DeviceOptions;
}

export type WireParts<Sockets extends Udp> = Omit<Wire, 'policy' | 'udp'> & {
  readonly udp: Sockets;
};

/** Memory of the device for handshakes and for packets that waited for one. */
const SCRATCH_BYTES = 512 * 1024;

export function makeGround(dependencies: EngineDependencies, options: GroundOptions): Ground {
  const { clock, counters, openTun, poller } = dependencies;
  const { places, offloads } = options;
  const onRefused = countRefused(dependencies);
  const tuns = new TunTable({
    openTun,
    poller,
    counters: counters.pipeline,
    offloads,
    onRefused,
  });
  return { clock, tuns, buffers: makeBuffers(dependencies, places), counters: counters.pipeline };
}

/** Throws as `openSockets` does. */
export function makeWire<Sockets extends Udp>(
  dependencies: EngineDependencies,
  { buffers }: Pick<Ground, 'buffers'>,
  options: WireOptions<Sockets>,
): WireParts<Sockets> {
  const { allocateSlab, clock, counters } = dependencies;
  const { places, offloads, routes, events } = options;
  const udp = options.openSockets({
    datagrams: buffers.datagrams,
    places: RECEIVE_PLACES,
    stride: RECEIVE_STRIDE,
    lengthMax: places.datagramBytesMax,
    counters: counters.udp,
    offloads,
    onRefused: countRefused(dependencies),
  });
  const device = new Device(
    {
      crypto: dependencies.crypto,
      random: dependencies.random,
      wallNow: () => clock.wallNow(),
      timestampNow: dependencies.timestampNow,
      workNow: dependencies.workNow,
      routes,
      sink: udp,
      events,
      scratch: allocateSlab(SCRATCH_BYTES),
      counters: counters.device,
    },
    options.device,
  );
  return {
    device,
    udp,
    fromTuns: new PacketBatch(buffers.outbound.slab, OUTBOUND_PACKETS),
    fromPeers: new PacketBatch(allocateSlab(BATCH_PACKETS * places.bytes), BATCH_PACKETS),
  };
}

function countRefused({ counters, onRefused }: EngineDependencies): OnRefused {
  return (refused) => {
    counters.pipeline[PipelineCounter.OffloadsRefused]! += 1;
    onRefused(refused);
  };
}
