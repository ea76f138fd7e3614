// Headers in front of a TUN's packets that say what cannot be: who has the raw sockets of an
// instance can write some of them himself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Segmenter } from '../../../src/dataplane/offload/segmenter.ts';
import { plainSummedSlab } from '../../../src/ip/slab-sums.ts';
import {
  NEEDS_CHECKSUM,
  SuperpacketKind,
  writeVirtioHeader,
} from '../../../src/os/virtio-header.ts';
import { buildPacket, type Flow, verifyPacket } from './transport-packets.ts';

const OFFSET = 16;
const TARGET = 4096;
const ACK = 0x10;
const NONE = new Uint8Array(0);
const TCP6: Flow = { isIpv4: false, isTcp: true, options: NONE };
const TCP4: Flow = { ...TCP6, isIpv4: true };
const DESTINATION_OPTIONS = 60;

interface Said {
  readonly kind?: number;
  readonly segmentBytes?: number;
  readonly start?: number;
  readonly field?: number;
  readonly flags?: number;
  /** Fewer bytes than the packet has. */
  readonly length?: number;
  readonly change?: (packet: Uint8Array) => void;
}

test('a superpacket whose header says what cannot be is refused', () => {
  assert.equal(begins(TCP6, {}), true);
  assert.equal(begins(TCP4, {}), true);
  assert.equal(begins(TCP4, { change: anywhere }), true);
  const refused: readonly [Flow, Said][] = [
    [TCP6, { segmentBytes: 0 }],
    [TCP6, { kind: SuperpacketKind.None }],
    [TCP6, { kind: 3 }],
    [TCP6, { kind: SuperpacketKind.Tcp6 | 0x80 }],
    [TCP6, { start: 0, change: anywhere }],
    [TCP6, { start: 39, change: anywhere }],
    [TCP6, { start: 60_000 }],
    [TCP6, { length: 59 }],
    [TCP6, { change: (packet) => packet.set([0x40], 52) }],
    [TCP6, { change: (packet) => packet.set([0xf0], 52) }],
    [TCP6, { change: (packet) => packet.set([0x70], 0) }],
    [TCP4, { start: 24, change: anywhere }],
    [TCP4, { start: 16, change: anywhere }],
    [
      TCP4,
      {
        start: 16,
        change: (packet) => {
          anywhere(packet);
          packet[0] = 0x44;
        },
      },
    ],
  ];
  for (const [flow, said] of refused) {
    assert.equal(begins(flow, said), false, JSON.stringify({ ...said, isIpv4: flow.isIpv4 }));
  }
});

test('a checksum has its place in the transport, wherever an extension header puts that', () => {
  const extended = (packet: Uint8Array): void => {
    packet[6] = DESTINATION_OPTIONS;
  };
  const cases: readonly [boolean, Flow, Said][] = [
    [true, TCP6, {}],
    [true, TCP4, {}],
    [false, TCP6, { start: 39 }],
    [false, TCP6, { start: 41 }],
    [false, TCP6, { field: 6 }],
    [false, TCP6, { length: 57 }],
    [true, TCP6, { length: 58 }],
    [false, TCP4, { start: 19 }],
    [true, TCP6, { start: 48, change: extended }],
    [true, TCP6, { start: 48, field: 6, change: extended }],
    [true, TCP6, { start: 48, field: 2, change: extended }],
    [false, TCP6, { start: 48, field: 4, change: extended }],
    [false, TCP6, { start: 24, change: extended }],
    // Nothing is left to do: nothing is written.
    [true, TCP6, { start: 0, field: 0, flags: 0 }],
  ];
  for (const [isRight, flow, said] of cases) {
    const { segmenter, length } = place(flow, said);
    assert.equal(segmenter.isChecksumInPlace(OFFSET, length), isRight, JSON.stringify(said));
  }
});

test('a checksum of UDP that comes out as zero is written as 0xffff', () => {
  for (const isIpv4 of [false, true]) {
    const flow: Flow = { isIpv4, isTcp: false, options: NONE };
    const at = isIpv4 ? 20 : 40;
    const plain = build(flow, new Uint8Array(2));
    const expected = build(flow, plain.subarray(at + 6, at + 8));
    assert.deepEqual([...expected.subarray(at + 6, at + 8)], [0xff, 0xff]);
    verifyPacket(expected);
    const payload = expected.subarray(at + 8);
    const cut = place(flow, { segmentBytes: 2 }, payload);
    assert.equal(cut.segmenter.begin(OFFSET, cut.length), true);
    cut.segmenter.next(TARGET);
    assert.deepEqual(cut.bytes.slice(TARGET, TARGET + cut.length), expected);
    const finished = place(flow, { kind: SuperpacketKind.None }, payload);
    finished.segmenter.finishChecksum(OFFSET, finished.length);
    assert.deepEqual(finished.bytes.slice(OFFSET, OFFSET + finished.length), expected);
  }
});

/** Wherever a TCP header is said to begin, there is one of 20 bytes. */
function anywhere(packet: Uint8Array): void {
  packet.fill(0x55, 1);
}

function begins(flow: Flow, said: Said): boolean {
  const { segmenter, length } = place(flow, said);
  return segmenter.begin(OFFSET, length);
}

function build(flow: Flow, payload: Uint8Array): Uint8Array {
  return buildPacket(flow, { sequence: 1, flags: ACK, identification: 0 }, payload);
}

/** A packet with what is said of it in front; what is not said is right. */
function place(
  flow: Flow,
  said: Said,
  payload: Uint8Array = new Uint8Array(20),
): { segmenter: Segmenter; bytes: Uint8Array; length: number } {
  const summed = plainSummedSlab(2 * TARGET);
  const { bytes } = summed.slab;
  const packet = build(flow, payload);
  const network = flow.isIpv4 ? 20 : 40;
  const field = network + (flow.isTcp ? 16 : 6);
  // As the kernel leaves it: the sum of the pseudo header alone.
  const addresses = packet.subarray(network - (flow.isIpv4 ? 8 : 32), network);
  const protocol = flow.isTcp ? 6 : 17;
  let sum = protocol + packet.length - network;
  for (let i = 0; i < addresses.length; i += 2) sum += (addresses[i]! << 8) | addresses[i + 1]!;
  while (sum > 0xffff) sum = (sum >>> 16) + (sum & 0xffff);
  packet.set([sum >>> 8, sum & 0xff], field);
  said.change?.(packet);
  bytes.set(packet, OFFSET);
  const tcp = flow.isIpv4 ? SuperpacketKind.Tcp4 : SuperpacketKind.Tcp6;
  const kind = (said.kind ?? (flow.isTcp ? tcp : SuperpacketKind.Udp)) as SuperpacketKind;
  writeVirtioHeader(
    bytes,
    OFFSET,
    said.flags ?? NEEDS_CHECKSUM,
    kind,
    0,
    said.segmentBytes ?? 8,
    said.start ?? network,
    said.field ?? field - network,
  );
  return { segmenter: new Segmenter(summed), bytes, length: said.length ?? packet.length };
}
