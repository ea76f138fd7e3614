// A UDP port over the loopback interface as one side of an exchange, for tests of the port.

import assert from 'node:assert/strict';
import {
  DatagramBatch,
  ENDPOINT_ADDRESS_OFFSET,
  ENDPOINT_BYTES,
  ENDPOINT_INTERFACE_OFFSET,
  ENDPOINT_PORT_OFFSET,
} from '../../src/base/packet-batch.ts';
import { parseIpv6 } from '../../src/ip/ipv6-address.ts';
import { LinuxPoller } from '../../src/os/linux/poller.ts';
import { nativeSlab } from '../../src/os/linux/slab.ts';
import { openUdp } from '../../src/os/linux/udp/udp.ts';
import { NO_OFFLOADS, type Offloads, type OnRefused } from '../../src/os/offloads.ts';
import { RUN_DATAGRAMS_MAX, UDP_COUNTERS, type Udp } from '../../src/os/udp.ts';

export const STRIDE = 256;
export const CAPACITY = 8;
/** Of places that take runs. */
const RUN_STRIDE = 65_536;

export interface Side {
  readonly udp: Udp;
  readonly datagrams: DatagramBatch;
  readonly outgoing: ReturnType<typeof nativeSlab>;
  /** Waits until `count` datagrams are there and receives them. */
  receive(count: number): boolean;
  text(index: number): string;
  /** How many messages the datagrams of the last batch came in. */
  messages(): number;
}

export function open(
  port = 0,
  offloads: Offloads = NO_OFFLOADS,
  onRefused: OnRefused = () => undefined,
): Side {
  const stride = offloads.udpGro ? RUN_STRIDE : STRIDE;
  const slab = nativeSlab(CAPACITY * stride);
  const datagrams = new DatagramBatch(slab, CAPACITY * RUN_DATAGRAMS_MAX);
  const counters = new Float64Array(UDP_COUNTERS);
  const lengthMax = STRIDE;
  const places = CAPACITY;
  const udp = openUdp({
    port,
    datagrams,
    places,
    stride,
    lengthMax,
    counters,
    offloads,
    onRefused,
  });
  return {
    udp,
    datagrams,
    outgoing: nativeSlab(512 * STRIDE),
    receive: (count) => {
      const poller = new LinuxPoller();
      for (const [i, descriptor] of udp.descriptors.entries()) poller.add(descriptor, i);
      assert.ok(poller.wait(5000) > 0, 'nothing arrived');
      poller.close();
      const more = udp.receive(datagrams, poller.ready[0]!);
      assert.equal(datagrams.count, count);
      return more;
    },
    text: (index) => {
      const offset = datagrams.offsets[index] ?? 0;
      const bytes = datagrams.slab.bytes.subarray(offset, offset + (datagrams.lengths[index] ?? 0));
      return Buffer.from(bytes).toString();
    },
    messages: () => {
      const offsets = [...datagrams.offsets.subarray(0, datagrams.count)];
      return new Set(offsets.map((offset) => Math.floor(offset / stride))).size;
    },
  };
}

export function push(
  side: Side,
  to: Uint8Array,
  text: string,
  trafficClass: number,
  place: number,
): void {
  const bytes = Buffer.from(text);
  side.outgoing.bytes.set(bytes, place * STRIDE);
  side.udp.push(side.outgoing, place * STRIDE, bytes.length, to, 0, trafficClass);
}

export function send(side: Side, to: Uint8Array, text: string, trafficClass: number): void {
  push(side, to, text, trafficClass, 0);
  side.udp.flush();
}

export function endpoint(address: string, port: number): Uint8Array {
  const bytes = new Uint8Array(ENDPOINT_BYTES);
  bytes[0] = address.includes(':') ? 6 : 4;
  new DataView(bytes.buffer).setUint16(ENDPOINT_PORT_OFFSET, port);
  bytes.set(addressBytes(address), ENDPOINT_ADDRESS_OFFSET);
  return bytes;
}

export function addressBytes(address: string): Uint8Array {
  return parseIpv6(address) ?? Uint8Array.from(address.split('.').map(Number));
}

export function endpointAt(side: Side, index: number): Uint8Array {
  const start = index * ENDPOINT_BYTES;
  return new Uint8Array(side.datagrams.endpoints.subarray(start, start + ENDPOINT_BYTES));
}

export function bytesAt(side: Side, offset: number, length: number): Uint8Array {
  assert.ok(offset + length <= ENDPOINT_INTERFACE_OFFSET);
  return new Uint8Array(side.datagrams.endpoints.subarray(offset, offset + length));
}

export function close(...sides: readonly Side[]): void {
  for (const side of sides) side.udp.close();
}
