// The TUN interfaces of the data plane by their numbers.

import { P6nError } from '../../base/errors.ts';
import type { Slab } from '../../base/slab.ts';
import type { OnRefused } from '../../os/offloads.ts';
import type { Poller } from '../../os/poller.ts';
import { type OpenTun, SUPERPACKET_REFUSED, type Tun, type TunOffloads } from '../../os/tun.ts';
import type { TunConfig } from '../config.ts';
import { PipelineCounter } from '../counters.ts';
import type { MergedWriter } from '../offload/merger.ts';
import { MTU_MAX, MTU_MIN } from './places.ts';

/** No TUN's number. */
export const NO_TUN = -1;

export interface TunTableDependencies {
  readonly openTun: OpenTun;
  /** Told which descriptors to watch; the token is the number of the TUN. */
  readonly poller: Pick<Poller, 'add' | 'remove'>;
  /** PipelineCounter numbers. */
  readonly counters: Float64Array;
  readonly offloads: TunOffloads;
  readonly onRefused: OnRefused;
}

export class TunTable implements MergedWriter {
  readonly #dependencies: TunTableDependencies;
  readonly #tuns = new Map<number, Tun>();
  #written = NO_TUN;

  constructor(dependencies: TunTableDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Makes an interface in place of the one that has its number, if any; throws a P6nError as
   * OpenTun does, and VALUE_INVALID for a bad MTU.
   */
  open(config: TunConfig): void {
    const { tun: number, name, namespace, mtu, persistent = false } = config;
    if (!Number.isInteger(mtu) || mtu < MTU_MIN || mtu > MTU_MAX) {
      throw new P6nError(
        'VALUE_INVALID',
        `Cannot make interface ${name}: MTU ${mtu} is not from ${MTU_MIN} to ${MTU_MAX}`,
      );
    }
    this.remove(number);
    const { openTun, offloads, onRefused } = this.#dependencies;
    const tun = openTun({ name, namespace, mtu, persistent, offloads, onRefused });
    this.#tuns.set(number, tun);
    this.#dependencies.poller.add(tun.descriptor, number);
  }

  /** Removes an interface, if there is one of that number. */
  remove(number: number): void {
    this.#forget(number)?.remove();
  }

  /** Releases all: those that are persistent stay for the next process. */
  closeAll(): void {
    for (const number of [...this.#tuns.keys()]) this.#forget(number)?.close();
  }

  get(number: number): Tun | undefined {
    return this.#tuns.get(number);
  }

  /** The TUN that packets were given to last since the last call, or NO_TUN. */
  takeWritten(): number {
    const written = this.#written;
    this.#written = NO_TUN;
    return written;
  }

  /** Gives a packet to an interface, and counts how that ends. */
  write(number: number, slab: Slab, offset: number, length: number): void {
    const tun = this.#tuns.get(number);
    if (tun === undefined) this.#dependencies.counters[PipelineCounter.DropNoTun]! += 1;
    else this.count(number, tun.write(slab, offset, length), 1, length);
  }

  /** Whether any superpackets may be given to an interface. */
  mergesAny(number: number): boolean {
    const merges = this.#tuns.get(number)?.merges;
    return merges !== undefined && (merges.tcp || merges.udp);
  }

  merges(number: number, isTcp: boolean): boolean {
    const merges = this.#tuns.get(number)?.merges;
    return merges !== undefined && (isTcp ? merges.tcp : merges.udp);
  }

  /** As MergedWriter says: a TUN that is there and refuses the kind has written nothing. */
  writePieces(
    number: number,
    slab: Slab,
    offsets: Uint32Array,
    lengths: Uint32Array,
    count: number,
    isTcp: boolean,
  ): boolean {
    const { counters } = this.#dependencies;
    const tun = this.#tuns.get(number);
    if (tun === undefined) return false;
    const error = tun.writePieces(slab, offsets, lengths, count, isTcp);
    if (error === SUPERPACKET_REFUSED) return false;
    let length = 0;
    for (let i = 0; i < count; i++) length += lengths[i]!;
    this.count(number, error, count, length);
    if (error === 0) counters[PipelineCounter.SegmentsToTuns]! += count;
    return true;
  }

  /** Counts how a write of `packets` packets to an interface has ended. */
  count(number: number, error: number, packets: number, length: number): void {
    const { counters } = this.#dependencies;
    this.#written = number;
    if (error !== 0) {
      counters[PipelineCounter.DropTunWrite]! += packets;
    } else {
      counters[PipelineCounter.PacketsToTuns]! += packets;
      counters[PipelineCounter.BytesToTuns]! += length;
    }
  }

  #forget(number: number): Tun | undefined {
    const tun = this.#tuns.get(number);
    if (tun === undefined) return undefined;
    this.#dependencies.poller.remove(tun.descriptor);
    this.#tuns.delete(number);
    return tun;
  }
}
