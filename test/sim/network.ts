// A network in one process: nodes with outer addresses, a virtual clock, and between them latency,
// loss, reordering, duplicates, partitions and NATs. All chance comes from one seed, so a run is
// replayed by its seed. What a node is, the network does not know.

import type { Millis, WallMillis } from '../../src/base/clock.ts';
import {
  ENDPOINT_ADDRESS_OFFSET,
  ENDPOINT_BYTES,
  ENDPOINT_FAMILY_OFFSET,
  ENDPOINT_INTERFACE_OFFSET,
  ENDPOINT_LOCAL_OFFSET,
  ENDPOINT_PORT_OFFSET,
} from '../../src/base/packet-batch.ts';
import { type Random, randomUint32 } from '../../src/base/random.ts';
import { formatIpv4, parseIpv4 } from '../../src/ip/ipv4-address.ts';
import { formatIpv6, parseIpv6 } from '../../src/ip/ipv6-address.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

export interface SimAddress {
  readonly address: string;
  readonly port: number;
}

/** What is driven by the network. Called one at a time, with the clock at `now`. */
export interface SimNode {
  /** A datagram arrived from the endpoint `from` (ENDPOINT_BYTES); both are the node's to keep. */
  receive(datagram: Uint8Array, from: Uint8Array, trafficClass: number, now: Millis): void;
  /** nextDeadline() has come. */
  tick(now: Millis): void;
  nextDeadline(): Millis;
}

export interface SimConditions {
  /** Every datagram is on its way for latencyMs to latencyMs + jitterMs. */
  readonly latencyMs: number;
  readonly jitterMs: number;
  /** Probabilities, 0 to 1. A reordered datagram takes three times the latency. */
  readonly loss: number;
  readonly reorder: number;
  readonly duplicate: number;
  /** Longer IP packets are lost without a word. */
  readonly mtu?: number;
}

const IPV4_AND_UDP_BYTES = 28;
const IPV6_AND_UDP_BYTES = 48;

export const PERFECT: SimConditions = {
  latencyMs: 5,
  jitterMs: 0,
  loss: 0,
  reorder: 0,
  duplicate: 0,
};

/** A node's place in the network. */
export interface SimLink {
  /** Sends a copy of `datagram` to an endpoint (ENDPOINT_BYTES). */
  send(datagram: Uint8Array, to: Uint8Array, trafficClass: number): void;
  /** The address that others see. */
  readonly publicAddress: SimAddress;
  /** The node gets another address of its own. */
  moveTo(address: SimAddress): void;
  /** The NAT in front of the node forgets its mapping and makes another one. */
  rebindNat(): void;
  /** Whether datagrams to and from this node are carried. */
  setConnected(isConnected: boolean): void;
}

export interface SimNatOptions {
  /** The NAT's own address; ports are given out from 40,000. */
  readonly address: string;
}

interface Place {
  readonly node: SimNode;
  address: SimAddress;
  readonly nat: string | undefined;
  natPort: number;
  /** Whom the node has sent to since the mapping was made: only they are let in through a NAT. */
  readonly contacted: Set<string>;
  isConnected: boolean;
}

interface Delivery {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

const WALL_START = Date.UTC(2026, 0, 1);
const NAT_PORT_MIN = 40_000;
const STEPS_MAX = 10_000_000;

export class SimNetwork {
  readonly random: Random;
  /** Datagrams by what became of them. */
  readonly counts = { sent: 0, delivered: 0, lost: 0, duplicated: 0, undeliverable: 0 };
  readonly #conditionsRandom: Random;
  #conditions: SimConditions;
  readonly #places: Place[] = [];
  readonly #queue: Delivery[] = [];
  readonly #partitions = new Set<string>();
  #now = 1_000;
  #order = 0;
  #nextNatPort = NAT_PORT_MIN;

  constructor(seed: number, conditions: SimConditions = PERFECT) {
    this.random = new SeededRandom(seed);
    this.#conditionsRandom = new SeededRandom(seed ^ 0x5eed);
    this.#conditions = conditions;
  }

  get now(): Millis {
    return this.#now as Millis;
  }

  readonly wallNow = (): WallMillis => (WALL_START + this.#now) as WallMillis;

  setConditions(conditions: SimConditions): void {
    this.#conditions = conditions;
  }

  /** Adds a node at an address, behind a NAT when `nat` is given. */
  attach(node: SimNode, address: SimAddress, nat?: SimNatOptions): SimLink {
    const place: Place = {
      node,
      address,
      nat: nat?.address,
      natPort: this.#nextNatPort++,
      contacted: new Set(),
      isConnected: true,
    };
    this.#places.push(place);
    return {
      send: (datagram, to, trafficClass) => this.#send(place, datagram, to, trafficClass),
      get publicAddress() {
        return publicAddressOf(place);
      },
      moveTo: (next) => {
        place.address = next;
      },
      rebindNat: () => {
        place.natPort = this.#nextNatPort++;
        place.contacted.clear();
      },
      setConnected: (isConnected) => {
        place.isConnected = isConnected;
      },
    };
  }

  /** Cuts or mends the way between two addresses, in both directions. */
  setPartition(a: string, b: string, isCut: boolean): void {
    for (const pair of [`${a} ${b}`, `${b} ${a}`]) {
      if (isCut) this.#partitions.add(pair);
      else this.#partitions.delete(pair);
    }
  }

  /** Runs `action` after `ms`. */
  schedule(ms: number, action: () => void): void {
    this.#enqueue(this.#now + ms, action);
  }

  /** Lets `ms` pass. */
  runFor(ms: number): void {
    const end = this.#now + ms;
    for (let steps = 0; this.#step(end); steps++) {
      if (steps > STEPS_MAX) throw new Error('the simulation does not come to rest');
    }
    this.#now = end;
  }

  /** Lets time pass until `condition` holds, at most `limitMs`; returns whether it does. */
  runUntil(condition: () => boolean, limitMs: number): boolean {
    const end = this.#now + limitMs;
    while (!condition()) {
      if (!this.#step(end)) {
        this.#now = end;
        return condition();
      }
    }
    return true;
  }

  /** The next event at or before `end`; false when there is none. */
  #step(end: number): boolean {
    let at = this.#queue[0]?.at ?? Number.POSITIVE_INFINITY;
    let timer: SimNode | undefined;
    for (const { node } of this.#places) {
      if (node.nextDeadline() < at) {
        at = node.nextDeadline();
        timer = node;
      }
    }
    if (at > end) return false;
    this.#now = Math.max(this.#now, at);
    if (timer !== undefined) timer.tick(this.now);
    else this.#queue.shift()?.run();
    return true;
  }

  #send(from: Place, datagram: Uint8Array, to: Uint8Array, trafficClass: number): void {
    this.counts.sent += 1;
    const target = readEndpoint(to);
    from.contacted.add(keyOf(target));
    const source = publicAddressOf(from);
    const copy = datagram.slice();
    const headers = target.address.includes(':') ? IPV6_AND_UDP_BYTES : IPV4_AND_UDP_BYTES;
    const isTooLong = datagram.length + headers > (this.#conditions.mtu ?? Infinity);
    if (!from.isConnected || isTooLong || this.#happens(this.#conditions.loss)) {
      this.counts.lost += 1;
      return;
    }
    const copies = this.#happens(this.#conditions.duplicate) ? 2 : 1;
    this.counts.duplicated += copies - 1;
    for (let i = 0; i < copies; i++) {
      this.#enqueue(this.#now + this.#latency(), () =>
        this.#deliver(source, target, copy.slice(), trafficClass),
      );
    }
  }

  #deliver(
    source: SimAddress,
    target: SimAddress,
    datagram: Uint8Array,
    trafficClass: number,
  ): void {
    const place = this.#places.find((one) => keyOf(publicAddressOf(one)) === keyOf(target));
    const isLetIn =
      place?.isConnected &&
      !this.#partitions.has(`${source.address} ${target.address}`) &&
      (place.nat === undefined || place.contacted.has(keyOf(source)));
    if (!isLetIn) {
      this.counts.undeliverable += 1;
      return;
    }
    this.counts.delivered += 1;
    place.node.receive(datagram, writeEndpoint(source, place.address), trafficClass, this.now);
  }

  #latency(): number {
    const { latencyMs, jitterMs, reorder } = this.#conditions;
    const base = latencyMs + jitterMs * this.#draw();
    return this.#happens(reorder) ? 3 * base : base;
  }

  #happens(probability: number): boolean {
    return probability > 0 && this.#draw() < probability;
  }

  #draw(): number {
    return randomUint32(this.#conditionsRandom) / 2 ** 32;
  }

  #enqueue(at: number, run: () => void): void {
    const delivery = { at, order: this.#order++, run };
    let place = this.#queue.length;
    while (place > 0 && isAfter(this.#queue[place - 1]!, delivery)) place -= 1;
    this.#queue.splice(place, 0, delivery);
  }
}

/** The bytes of an endpoint, with our own address when it is known. */
export function writeEndpoint(remote: SimAddress, local?: SimAddress): Uint8Array {
  const bytes = new Uint8Array(ENDPOINT_BYTES);
  const view = new DataView(bytes.buffer);
  const ipv4 = parseIpv4(remote.address);
  const address = ipv4 ?? parseIpv6(remote.address);
  if (address === undefined) throw new Error(`${remote.address} is not an address`);
  new Uint16Array(bytes.buffer)[ENDPOINT_FAMILY_OFFSET / 2] = ipv4 === undefined ? 6 : 4;
  view.setUint16(ENDPOINT_PORT_OFFSET, remote.port);
  bytes.set(address, ENDPOINT_ADDRESS_OFFSET);
  if (local === undefined) return bytes;
  bytes.set(parseIpv4(local.address) ?? parseIpv6(local.address)!, ENDPOINT_LOCAL_OFFSET);
  new Uint32Array(bytes.buffer)[ENDPOINT_INTERFACE_OFFSET / 4] = 1;
  return bytes;
}

export function readEndpoint(bytes: Uint8Array): SimAddress {
  const copy = bytes.slice(0, ENDPOINT_BYTES);
  const port = new DataView(copy.buffer).getUint16(ENDPOINT_PORT_OFFSET);
  const isIpv4 = new Uint16Array(copy.buffer)[ENDPOINT_FAMILY_OFFSET / 2] === 4;
  const format = isIpv4 ? formatIpv4 : formatIpv6;
  return { address: format(copy, ENDPOINT_ADDRESS_OFFSET), port };
}

function publicAddressOf(place: Place): SimAddress {
  if (place.nat === undefined) return place.address;
  return { address: place.nat, port: place.natPort };
}

function keyOf(address: SimAddress): string {
  return `${address.address} ${address.port}`;
}

function isAfter(a: Delivery, b: Delivery): boolean {
  return a.at > b.at || (a.at === b.at && a.order > b.order);
}
