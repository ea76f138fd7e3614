// UDP sockets that may be closed, opened again and moved to another port while those who send by
// them stay: a stand-alone interface has sockets only while it is up.

import type { DatagramBatch } from '../../base/packet-batch.ts';
import type { Slab } from '../../base/slab.ts';
import type { Poller } from '../../os/poller.ts';
import { type OpenUdp, type Udp, UdpCounter, type UdpOptions } from '../../os/udp.ts';
import { udpToken } from '../path/tokens.ts';

export interface PortUdpDependencies {
  readonly openUdp: OpenUdp;
  /** Told which descriptors to watch. */
  readonly poller: Pick<Poller, 'add' | 'remove'>;
}

export class PortUdp implements Udp {
  readonly counters: Float64Array;
  readonly #dependencies: PortUdpDependencies;
  readonly #options: Omit<UdpOptions, 'port'>;
  #udp: Udp | undefined;
  #mark = 0;

  constructor(dependencies: PortUdpDependencies, options: Omit<UdpOptions, 'port'>) {
    this.counters = options.counters;
    this.#dependencies = dependencies;
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#udp !== undefined;
  }

  /** 0 while it is closed. */
  get port(): number {
    return this.#udp?.port ?? 0;
  }

  get descriptors(): readonly number[] {
    return this.#udp?.descriptors ?? [];
  }

  /** Opens sockets on `port` in place of the open ones; throws as OpenUdp does and keeps those. */
  open(port: number): void {
    const { openUdp, poller } = this.#dependencies;
    const udp = openUdp({ ...this.#options, port });
    this.close();
    this.#udp = udp;
    for (const [i, descriptor] of udp.descriptors.entries()) poller.add(descriptor, udpToken(i));
    if (this.#mark !== 0) udp.setMark(this.#mark);
  }

  receive(datagrams: DatagramBatch, socket: number): boolean {
    if (this.#udp !== undefined) return this.#udp.receive(datagrams, socket);
    datagrams.clear();
    return false;
  }

  /** While it is closed, no family has a socket. */
  push(
    slab: Slab,
    offset: number,
    length: number,
    endpoints: Uint8Array,
    endpointOffset: number,
    trafficClass: number,
  ): void {
    if (this.#udp === undefined) this.counters[UdpCounter.DropNoFamily]! += 1;
    else this.#udp.push(slab, offset, length, endpoints, endpointOffset, trafficClass);
  }

  isSourceRight(endpoints: Uint8Array, endpointOffset: number): boolean {
    return this.#udp?.isSourceRight(endpoints, endpointOffset) ?? false;
  }

  sendWhole(
    slab: Slab,
    offset: number,
    length: number,
    endpoints: Uint8Array,
    endpointOffset: number,
  ): void {
    this.#udp?.sendWhole(slab, offset, length, endpoints, endpointOffset);
  }

  pathMtu(endpoints: Uint8Array, endpointOffset: number): number {
    return this.#udp?.pathMtu(endpoints, endpointOffset) ?? 0;
  }

  setMark(mark: number): void {
    this.#mark = mark;
    this.#udp?.setMark(mark);
  }

  flush(): void {
    this.#udp?.flush();
  }

  close(): void {
    for (const descriptor of this.descriptors) this.#dependencies.poller.remove(descriptor);
    this.#udp?.close();
    this.#udp = undefined;
  }
}
