// Segments that are merged and cut again are the segments that they were.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { foldSum, sumBytes } from '../../../src/ip/checksum.ts';
import { NEEDS_CHECKSUM } from '../../../src/os/virtio-header.ts';
import { cutAll, run } from './merging.ts';
import { buildPacket, type Flow, headersLength } from './transport-packets.ts';

const PSH = 0x08;
const ACK = 0x10;
const FIN = 0x01;
const SHARED: Omit<Flow, 'options'> = { isIpv4: false, isTcp: true };

/** Flows whose packets come mixed; each of another family or protocol, or with options. */
const FLOWS: readonly Flow[] = [
  { isIpv4: false, isTcp: true, options: new Uint8Array(12).fill(1) },
  { isIpv4: true, isTcp: true, options: new Uint8Array(0) },
  { isIpv4: false, isTcp: false, options: new Uint8Array(0) },
  { isIpv4: true, isTcp: false, options: new Uint8Array(0) },
];

const arrivals = fc.array(
  fc.record({
    flow: fc.integer({ min: 0, max: FLOWS.length - 1 }),
    length: fc.constantFrom(0, 1, 7, 100, 100, 100, 100, 100, 100, 101),
    flags: fc.constantFrom(ACK, ACK, ACK, ACK, ACK | PSH, ACK | FIN),
    gap: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, -50),
    /** A bit that is not as it was sent; most packets come as they were. */
    damage: fc.oneof(
      { weight: 20, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: fc.nat() },
    ),
  }),
  { minLength: 1, maxLength: 120, size: 'max' },
);

test('whatever comes, each flow goes out as it came: merged, and cut again, to the bit', () => {
  let merged = 0;
  fc.assert(
    fc.property(arrivals, fc.boolean(), (specs, refuses) => {
      const next = FLOWS.map((_, i) => 0xffff_f000 + i);
      const counts = FLOWS.map(() => 0);
      const packets = specs.map(({ flow: index, length, flags, gap, damage }) => {
        const flow = FLOWS[index]!;
        next[index]! += gap;
        const fields = { sequence: next[index]!, flags, identification: counts[index]! };
        const packet = buildPacket(flow, fields, new Uint8Array(length).fill(length + index));
        next[index]! += length;
        counts[index]! += 1;
        if (damage !== null) damageBit(flow, packet, damage);
        return packet;
      });
      const written = run(packets, { refuses });
      merged += written.filter(({ header }) => header !== undefined).length;
      assert.deepEqual(byFlow(cutAll(written)), byFlow(packets));
      assert.ok(!refuses || written.every(({ header }) => header === undefined));
    }),
    { numRuns: 400 },
  );
  assert.ok(merged > 400, `${merged}`);
});

test('a flow in order becomes few superpackets, with PSH of the last segment', () => {
  for (const isIpv4 of [false, true]) {
    const flow: Flow = { isIpv4, isTcp: true, options: new Uint8Array(12).fill(1) };
    const packets = Array.from({ length: 40 }, (_, i) => {
      const fields = { sequence: i * 1301, flags: i === 39 ? ACK | PSH : ACK, identification: i };
      return buildPacket(flow, fields, new Uint8Array(i === 39 ? 5 : 1301).fill(i));
    });
    const written = run(packets);
    assert.equal(written.length, 1);
    const [merged] = written;
    assert.equal(merged!.header![0], NEEDS_CHECKSUM);
    assert.equal(merged!.packet[(isIpv4 ? 20 : 40) + 13], ACK | PSH);
    assert.deepEqual(cutAll(written), packets);
  }
});

test('datagrams of one length become one superpacket, of which the last may be shorter', () => {
  for (const isIpv4 of [false, true]) {
    const flow: Flow = { isIpv4, isTcp: false, options: new Uint8Array(0) };
    const lengths = [64, 64, 64, 9, 64, 65];
    const packets = lengths.map((length, identification) =>
      buildPacket(flow, { sequence: 0, flags: 0, identification }, new Uint8Array(length)),
    );
    const written = run(packets);
    const headers = headersLength(flow);
    assert.deepEqual(
      written.map(({ packet }) => packet.length - headers),
      [64 + 64 + 64 + 9, 64, 65],
    );
    assert.deepEqual(cutAll(written), packets);
  }
});

test('a datagram without a checksum goes alone', () => {
  const flow: Flow = { isIpv4: true, isTcp: false, options: new Uint8Array(0) };
  const packets = [0, 1].map((identification) => {
    const fields = { sequence: 0, flags: 0, identification };
    const packet = buildPacket(flow, fields, new Uint8Array(9));
    packet.fill(0, 26, 28);
    return packet;
  });
  assert.equal(run(packets).length, 2);
});

test('a damaged segment goes alone, as it came and with a header of nothing', () => {
  const flow: Flow = { ...SHARED, options: new Uint8Array(0) };
  for (const damaged of [0, 1, 2]) {
    const packets = [0, 1, 2].map((i) => {
      const fields = { sequence: i * 100, flags: ACK, identification: 0 };
      return buildPacket(flow, fields, new Uint8Array(100).fill(i));
    });
    packets[damaged]![headersLength(flow) + 9]! ^= 1;
    const written = run(packets);
    const alone = written.filter(({ header }) => header === undefined);
    assert.ok(alone.some(({ packet }) => Buffer.compare(packet, packets[damaged]!) === 0));
    assert.deepEqual(cutAll(written), packets);
  }
});

test('fragments, and packets with IP options or extension headers, are merged with nothing', () => {
  const isIpv4 = true;
  const flow: Flow = { isIpv4, isTcp: true, options: new Uint8Array(0) };
  const plain = [0, 1, 2, 3].map((i) =>
    buildPacket(flow, { sequence: i * 100, flags: ACK, identification: i }, new Uint8Array(100)),
  );
  const moreFragments = 0x2000;
  const changes: ((packet: Uint8Array) => Uint8Array)[] = [
    (packet) => withFragmentField(packet, moreFragments),
    (packet) => withFragmentField(packet, 1),
    withIpv4Options,
  ];
  for (const change of changes) {
    const packets = plain.map((packet) => change(packet.slice()));
    const written = run(packets);
    assert.ok(written.every(({ header }) => header === undefined));
    assert.deepEqual(
      written.map(({ packet }) => packet),
      packets,
    );
  }
  const ofIpv6: Flow = { ...flow, isIpv4: false };
  const extended = [0, 1].map((i) => {
    const fields = { sequence: i * 100, flags: ACK, identification: 0 };
    return withDestinationOptions(buildPacket(ofIpv6, fields, new Uint8Array(100)));
  });
  assert.equal(run(extended).length, 2);
});

test('packets for two TUNs are never merged', () => {
  const flow: Flow = { ...SHARED, options: new Uint8Array(0) };
  const packets = [0, 1, 2, 3].map((i) =>
    buildPacket(flow, { sequence: (i >> 1) * 9, flags: ACK, identification: 0 }, new Uint8Array(9)),
  );
  const written = run(packets, { tunOf: (i) => i & 1 });
  assert.deepEqual(
    written.map(({ tun, packet }) => [tun, packet.length]),
    [
      [0, 78],
      [1, 78],
    ],
  );
});

test('any bytes come out as they went in', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 20, maxLength: 90 }), { maxLength: 20 }),
      fc.constantFrom(0x45, 0x60),
      (bytes, first) => {
        for (const packet of bytes) packet[0] = first;
        const packets = bytes.filter((packet) => first === 0x45 || packet.length >= 40);
        const written = run(packets);
        if (written.every(({ header }) => header === undefined)) {
          assert.deepEqual(
            written.map(({ packet }) => packet),
            packets,
          );
        }
      },
    ),
  );
});

function withFragmentField(packet: Uint8Array, field: number): Uint8Array {
  new DataView(packet.buffer).setUint16(6, field);
  return withHeaderChecksum(packet, 20);
}

/** Four options of one byte that do nothing, behind the header of 20 bytes. */
function withIpv4Options(packet: Uint8Array): Uint8Array {
  const longer = Uint8Array.of(...packet.subarray(0, 20), 1, 1, 1, 1, ...packet.subarray(20));
  longer[0] = 0x46;
  new DataView(longer.buffer).setUint16(2, longer.length);
  return withHeaderChecksum(longer, 24);
}

function withHeaderChecksum(packet: Uint8Array, length: number): Uint8Array {
  const view = new DataView(packet.buffer);
  view.setUint16(10, 0);
  view.setUint16(10, ~foldSum(sumBytes(packet, 0, length)) & 0xffff);
  return packet;
}

/** A header of destination options that does nothing, before that of TCP. */
function withDestinationOptions(packet: Uint8Array): Uint8Array {
  const tcp = packet[6] ?? 0;
  const options = [tcp, 0, 1, 4, 0, 0, 0, 0];
  const longer = Uint8Array.of(...packet.subarray(0, 40), ...options, ...packet.subarray(40));
  longer[6] = 60;
  new DataView(longer.buffer).setUint16(4, longer.length - 40);
  return longer;
}

/** Turns one bit around, but none that says how long the packet is or what stands where. */
function damageBit({ isIpv4, isTcp }: Flow, packet: Uint8Array, damage: number): void {
  const network = isIpv4 ? 20 : 40;
  const kept = isIpv4 ? [0, 2, 3, 9] : [0, 4, 5, 6];
  if (isTcp) kept.push(network + 12);
  const at = (damage >>> 3) % packet.length;
  if (!kept.includes(at)) packet[at]! ^= 1 << (damage & 7);
}

/** By addresses and ports. */
function byFlow(packets: readonly Uint8Array[]): Map<string, Uint8Array[]> {
  const flows = new Map<string, Uint8Array[]>();
  for (const packet of packets) {
    const isIpv4 = packet[0]! >>> 4 === 4;
    const [start, end] = isIpv4 ? [12, 24] : [8, 44];
    const key = Buffer.from(packet.subarray(start, end)).toString('hex');
    flows.set(key, [...(flows.get(key) ?? []), isIpv4 ? withoutIdentification(packet) : packet]);
  }
  return flows;
}

/** Nobody reads it in a packet that must not be fragmented. */
function withoutIdentification(packet: Uint8Array): Uint8Array {
  const bare = Uint8Array.from(packet);
  if ((bare[6]! & 0x40) === 0) return bare;
  const sum = sumBytes(bare, 0, 20);
  bare.fill(0, 4, 6);
  // Whether the header's checksum is right stays to be seen.
  bare[10] = foldSum(sum) === 0xffff ? 1 : 0;
  bare[11] = 0;
  return bare;
}
