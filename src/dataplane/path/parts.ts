// The packet path put together over ports: what the data plane of a host and that of a lone
// interface have in common. Sockets, routes and the policy are theirs.

import type { Clock, Millis, WallMillis } from '../../base/clock.ts';
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
import { type Places, RECEIVE_PLACES, RECEIVE_STRIDE } from './places.ts';
import { TunTable } from './tun-table.ts';

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

export interface PartsOptions<Sockets extends Udp> {
  readonly places: Places;
  readonly offloads: Offloads;
  readonly openSockets: (options: Omit<UdpOptions, 'port'>) => Sockets;
  readonly routes: Routes;
  readonly events: DeviceEvents;
  readonly device: DeviceOptions;
}

export type Parts<Sockets extends Udp> = Omit<Pipeline, 'policy' | 'udp'> & {
  readonly udp: Sockets;
};

/** Memory of the device for handshakes and for packets that waited for one. */
const SCRATCH_BYTES = 512 * 1024;

/** Throws as `openSockets` does. */
export function makeParts<Sockets extends Udp>(
  dependencies: EngineDependencies,
  options: PartsOptions<Sockets>,
): Parts<Sockets> {
  const { clock, counters, openTun, poller } = dependencies;
  const { places, offloads, routes, events } = options;
  const onRefused: OnRefused = (refused) => {
    counters.pipeline[PipelineCounter.OffloadsRefused]! += 1;
    dependencies.onRefused(refused);
  };
  const buffers = makeBuffers(dependencies, places);
  const udp = options.openSockets({
    datagrams: buffers.datagrams,
    places: RECEIVE_PLACES,
    stride: RECEIVE_STRIDE,
    lengthMax: places.datagramBytesMax,
    counters: counters.udp,
    offloads,
    onRefused,
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
      scratch: dependencies.allocateSlab(SCRATCH_BYTES),
      counters: counters.device,
    },
    options.device,
  );
  const tuns = new TunTable({
    openTun,
    poller,
    counters: counters.pipeline,
    offloads,
    onRefused,
  });
  return { clock, device, tuns, udp, buffers, counters: counters.pipeline };
}
