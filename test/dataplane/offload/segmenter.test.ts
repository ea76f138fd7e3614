// Segments of superpackets beside packets that are built one by one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Segmenter } from '../../../src/dataplane/offload/segmenter.ts';
import { nativeSummedSlab } from '../../../src/os/linux/slab.ts';
import {
  NEEDS_CHECKSUM,
  SuperpacketKind,
  writeVirtioHeader,
} from '../../../src/os/virtio-header.ts';
import { buildPacket, type Flow, headersLength, verifyPacket } from './transport-packets.ts';

const OFFSET = 16;
const TARGET = 70_000;
const PSH = 0x08;
const ACK = 0x10;
const FIN = 0x01;
const CWR = 0x80;

const flows = fc.record({
  isIpv4: fc.boolean(),
  isTcp: fc.boolean(),
  options: fc.constantFrom(
    new Uint8Array(0),
    Uint8Array.from({ length: 12 }, (_, i) => i),
  ),
});

test('segments are the packets that the sender would have sent', () => {
  const summed = nativeSummedSlab(2 * 70_016);
  const { slab } = summed;
  const segmenter = new Segmenter(summed);
  fc.assert(
    fc.property(
      flows,
      fc.integer({ min: 1, max: 30_000 }),
      fc.integer({ min: 1, max: 3_000 }),
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.constantFrom(ACK, ACK | PSH, ACK | FIN | PSH, ACK | CWR),
      (flow, bytes, segmentBytes, sequence, flags) => {
        fc.pre(bytes / segmentBytes < 300);
        const payload = Uint8Array.from({ length: bytes }, (_, i) => i * 31 + (i >> 8));
        const identification = sequence & 0xffff;
        const whole = buildPacket(flow, { sequence, flags, identification }, payload);
        place(slab.bytes, flow, whole, segmentBytes);
        assert.equal(segmenter.begin(OFFSET, whole.length), true);
        const count = Math.ceil(bytes / segmentBytes);
        assert.equal(segmenter.count, count);
        for (let i = 0; i < count; i++) {
          const length = segmenter.next(TARGET);
          const part = payload.subarray(i * segmentBytes, (i + 1) * segmentBytes);
          const expected = buildPacket(
            flow,
            {
              sequence: (sequence + i * segmentBytes) % 2 ** 32,
              flags: flagsOf(flags, i, count),
              identification: identification + i,
            },
            part,
          );
          const segment = slab.bytes.slice(TARGET, TARGET + length);
          verifyPacket(segment);
          assert.deepEqual(segment, expected);
        }
        assert.equal(segmenter.next(TARGET), 0);
      },
    ),
    { numRuns: 300 },
  );
});

test('a checksum that was left to do is made in place', () => {
  const summed = nativeSummedSlab(70_016);
  const { slab } = summed;
  const segmenter = new Segmenter(summed);
  fc.assert(
    fc.property(flows, fc.uint8Array({ minLength: 0, maxLength: 1500 }), (flow, payload) => {
      const expected = buildPacket(flow, { sequence: 5, flags: ACK, identification: 9 }, payload);
      place(slab.bytes, flow, expected, 0);
      assert.equal(segmenter.isChecksumInPlace(OFFSET, expected.length), true);
      segmenter.finishChecksum(OFFSET, expected.length);
      assert.deepEqual(slab.bytes.slice(OFFSET, OFFSET + expected.length), expected);
    }),
  );
});

test('a checksum that would be written over what the filter has judged is refused', () => {
  const summed = nativeSummedSlab(70_016);
  const segmenter = new Segmenter(summed);
  const flow = { isIpv4: false, isTcp: false, options: new Uint8Array(0) };
  const packet = buildPacket(
    flow,
    { sequence: 5, flags: ACK, identification: 9 },
    new Uint8Array(8),
  );
  for (const [start, field, isRight] of [
    [40, 6, true],
    [20, 0, false],
    [20, 8, false],
    [40, 2, false],
    [42, 6, false],
  ] as const) {
    place(summed.slab.bytes, flow, packet, 0);
    const header = new DataView(
      summed.slab.bytes.buffer,
      summed.slab.bytes.byteOffset + OFFSET - 10,
    );
    header.setUint16(6, start, true);
    header.setUint16(8, field, true);
    assert.equal(segmenter.isChecksumInPlace(OFFSET, packet.length), isRight, `${start} ${field}`);
  }
});

test('a superpacket of more segments than a sender has reason for is refused', () => {
  const summed = nativeSummedSlab(70_016);
  const segmenter = new Segmenter(summed);
  const flow = { isIpv4: false, isTcp: true, options: new Uint8Array(0) };
  const packet = buildPacket(
    flow,
    { sequence: 5, flags: ACK, identification: 9 },
    new Uint8Array(60_000),
  );
  place(summed.slab.bytes, flow, packet, 1);
  assert.equal(segmenter.begin(OFFSET, packet.length), false);
  place(summed.slab.bytes, flow, packet, 88);
  assert.equal(segmenter.begin(OFFSET, packet.length), true);
});

test('a header that fits no packet is refused', () => {
  const summed = nativeSummedSlab(70_016);
  const { slab } = summed;
  const segmenter = new Segmenter(summed);
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 10, maxLength: 10 }),
      fc.uint8Array({ minLength: 1, maxLength: 120 }),
      (header, packet) => {
        slab.bytes.set(header, OFFSET - 10);
        slab.bytes.set(packet, OFFSET);
        if (segmenter.isChecksumInPlace(OFFSET, packet.length)) {
          segmenter.finishChecksum(OFFSET, packet.length);
        }
        if (!segmenter.begin(OFFSET, packet.length)) return;
        let bytes = 0;
        for (let length = segmenter.next(1024); length > 0; length = segmenter.next(1024)) {
          assert.ok(length <= segmenter.lengthMax && length <= packet.length);
          bytes += 1;
        }
        assert.equal(bytes, segmenter.count);
      },
    ),
    { numRuns: 2000 },
  );
  const flow: Flow = { isIpv4: false, isTcp: true, options: new Uint8Array(0) };
  const whole = buildPacket(
    flow,
    { sequence: 0, flags: ACK, identification: 0 },
    new Uint8Array(9),
  );
  place(slab.bytes, flow, whole, 4);
  assert.equal(segmenter.begin(OFFSET, headersLength(flow) - 1), false);
});

/** Writes the packet as the kernel gives it: the pseudo header's sum for a checksum. */
function place(bytes: Uint8Array, flow: Flow, whole: Uint8Array, segmentBytes: number): void {
  bytes.set(whole, OFFSET);
  const { isIpv4, isTcp } = flow;
  const network = isIpv4 ? 20 : 40;
  const field = isTcp ? 16 : 6;
  const addresses = isIpv4 ? whole.subarray(12, 20) : whole.subarray(8, 40);
  let sum = (isTcp ? 6 : 17) + whole.length - network;
  for (let i = 0; i < addresses.length; i += 2) sum += (addresses[i]! << 8) | addresses[i + 1]!;
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  bytes[OFFSET + network + field] = sum >>> 8;
  bytes[OFFSET + network + field + 1] = sum;
  const tcpKind = isIpv4 ? SuperpacketKind.Tcp4 : SuperpacketKind.Tcp6;
  const kind = segmentBytes === 0 ? SuperpacketKind.None : isTcp ? tcpKind : SuperpacketKind.Udp;
  const headers = headersLength(flow);
  writeVirtioHeader(bytes, OFFSET, NEEDS_CHECKSUM, kind, headers, segmentBytes, network, field);
}

function flagsOf(flags: number, i: number, count: number): number {
  const first = i === 0 ? flags : flags & ~CWR;
  return i === count - 1 ? first : first & ~(FIN | PSH);
}
