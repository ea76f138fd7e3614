// What two packets of one flow may differ in and still become one superpacket, and what a
// superpacket says of itself. All checksums are right, so that nothing but the rule at hand keeps
// two packets apart.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NEEDS_CHECKSUM, SuperpacketKind } from '../../../src/os/virtio-header.ts';
import { cutAll, run } from './merging.ts';
import { buildPacket, type Flow, headersLength, resum } from './transport-packets.ts';

const ACK = 0x10;
const PAYLOAD = 8;
const NONE = new Uint8Array(0);
const OPTIONS = new Uint8Array(12).fill(1);
const TCP6: Flow = { isIpv4: false, isTcp: true, options: OPTIONS };
const TCP4: Flow = { ...TCP6, isIpv4: true };
const UDP6: Flow = { isIpv4: false, isTcp: false, options: NONE };
const UDP4: Flow = { ...UDP6, isIpv4: true };
const ALL: readonly Flow[] = [TCP6, TCP4, UDP6, UDP4];
const MAY_BE_CUT = 0;

test('flows that differ in anything but what a cut makes stay apart, and in order', () => {
  const ports = [0, 1, 2, 3];
  // Acknowledgment, flags, window, urgent pointer, options; reserved bits stand above the flags.
  const tcp = [8, 11, 13, 14, 15, 18, 19, 20, 31];
  // Traffic class, flow label, hop limit, first and last bytes of both addresses.
  const ipv6 = [1, 2, 3, 7, 8, 18, 23, 24, 33, 39];
  // Type of service, "do not fragment", time to live, addresses.
  const ipv4 = [1, 8, 12, 15, 16, 19];
  for (const flow of ALL) {
    const network = flow.isIpv4 ? 20 : 40;
    const transport = [...ports, ...(flow.isTcp ? tcp : [])].map((at) => network + at);
    for (const at of [...(flow.isIpv4 ? ipv4 : ipv6), ...transport]) {
      assertApart(flow, `byte ${at}`, (packet) => {
        packet[at]! ^= 1;
      });
    }
  }
  assertApart(TCP6, 'reserved bit', (packet) => {
    packet[52]! ^= 2;
  });
  for (const flow of [TCP4, UDP4]) {
    assertApart(flow, 'do not fragment', (packet) => {
      packet[6] = MAY_BE_CUT;
    });
  }
});

test('flows that share a place in the table of flows stay apart', () => {
  for (const flow of [TCP6, UDP4]) {
    const network = flow.isIpv4 ? 20 : 40;
    // The end of the source address, or of the source port.
    for (const at of [flow.isIpv4 ? 14 : 22, network]) {
      for (let i = 1; i < 1500; i++) {
        assertApart(flow, `bytes from ${at}: ${i}`, (packet) => {
          packet[at]! ^= i >> 8;
          packet[at + 1]! ^= i & 0xff;
        });
      }
    }
  }
});

test('packets for TUNs that share a place in the table of flows stay apart', () => {
  const packets = pair(TCP6);
  for (let tun = 1; tun < 2000; tun++) {
    const written = run(packets, { tunOf: (index) => index * tun });
    assert.deepEqual(
      written.map((one) => one.tun),
      [0, tun],
    );
  }
});

test('a gap or a repetition in a stream is not merged over', () => {
  for (const away of [-PAYLOAD, -1, 1, 2 ** 31]) {
    assertApart(TCP6, `${away}`, (packet) => {
      const view = new DataView(packet.buffer);
      view.setUint32(44, view.getUint32(44) + away);
    });
  }
});

test('identifications count up where a packet may be cut, and say nothing elsewhere', () => {
  for (const flow of [TCP4, UDP4]) {
    for (const [fragmentField, identification, merged] of [
      [MAY_BE_CUT, 1, true],
      [MAY_BE_CUT, 0, false],
      [MAY_BE_CUT, 2, false],
      [0x4000, 0, true],
      [0x4000, 7, true],
    ] as const) {
      const packets = pair(flow);
      for (const [i, packet] of packets.entries()) {
        const view = new DataView(packet.buffer);
        view.setUint16(4, i === 0 ? 0 : identification);
        view.setUint16(6, fragmentField);
        resum(packet);
      }
      assert.equal(run(packets).length, merged ? 1 : 2, `${fragmentField} ${identification}`);
    }
  }
});

test('headers of other lengths than they should have are passed on as they are', () => {
  for (const isIpv4 of [false, true]) {
    const network = isIpv4 ? 20 : 40;
    assertApart({ isIpv4, isTcp: true, options: OPTIONS }, 'fewer options', (packet) => {
      packet[network + 12] = 0x50;
    });
    assertBothAlone({ isIpv4, isTcp: true, options: OPTIONS }, 'a header too short', (packet) => {
      packet[network + 12] = 0x40;
      // What would be its payload is three times as long.
      packet[network + 7]! *= 3;
    });
    assertBothAlone({ isIpv4, isTcp: false, options: NONE }, 'bytes behind it', (packet) => {
      packet[network + 5]! -= 1;
    });
  }
  assertBothAlone({ ...TCP4, options: NONE }, 'a header too long', (packet) => {
    packet[0] = 0x46;
  });
});

test('a superpacket has no more pieces than are written, nor bytes than its header says', () => {
  const stream = (count: number, bytes: number): Uint8Array[] =>
    Array.from({ length: count }, (_, i) =>
      buildPacket(
        TCP6,
        { sequence: i * bytes, flags: ACK, identification: i },
        new Uint8Array(bytes),
      ),
    );
  const lengths = (packets: readonly Uint8Array[]): number[] =>
    run(packets).map(({ packet }) => packet.length - headersLength(TCP6));
  assert.deepEqual(lengths(stream(65, 10)), [640, 10]);
  assert.deepEqual(lengths(stream(60, 1300)), [50 * 1300, 10 * 1300]);
  const most = 0xffff - headersLength(TCP6);
  assert.deepEqual(lengths([...stream(50, 1300), tail(50 * 1300, most)]), [most]);
  assert.deepEqual(lengths([...stream(50, 1300), tail(50 * 1300, most + 1)]), [65_000, 464]);
});

test('a superpacket says of what kind it is and where it is to be cut', () => {
  for (const [flow, kind] of [
    [TCP6, SuperpacketKind.Tcp6],
    [TCP4, SuperpacketKind.Tcp4],
    [UDP6, SuperpacketKind.Udp],
    [UDP4, SuperpacketKind.Udp],
  ] as const) {
    const [{ header } = assert.fail()] = run(pair(flow));
    const view = new DataView(header!.buffer);
    const fields = [2, 4, 6, 8].map((at) => view.getUint16(at, true));
    const network = flow.isIpv4 ? 20 : 40;
    const checksum = flow.isTcp ? 16 : 6;
    assert.deepEqual([header![0], header![1]], [NEEDS_CHECKSUM, kind]);
    assert.deepEqual(fields, [headersLength(flow), PAYLOAD, network, checksum]);
  }
});

test('a datagram without a checksum goes alone where zero is what its checksum would be', () => {
  for (const flow of [UDP6, UDP4]) {
    const at = flow.isIpv4 ? 20 : 40;
    const fields = { sequence: 0, flags: 0, identification: 0 };
    const plain = buildPacket(flow, fields, new Uint8Array(2));
    const packet = buildPacket(flow, fields, plain.slice(at + 6, at + 8));
    assert.equal(run([packet, packet]).length, 1);
    packet.fill(0, at + 6, at + 8);
    assertAsTheyCame([packet, packet], 'no checksum');
  }
});

test('superpackets of a kind that a TUN does not take are not written', () => {
  for (const flow of ALL) {
    const packets = pair(flow);
    const written = run(packets, { takes: (isTcp) => isTcp !== flow.isTcp });
    assert.deepEqual(
      written.map(({ packet }) => packet),
      packets,
    );
    assert.equal(run(packets, { takes: (isTcp) => isTcp === flow.isTcp }).length, 1);
  }
});

/** Two packets that become one superpacket. */
function pair(flow: Flow): [Uint8Array, Uint8Array] {
  const [one, other] = [0, 1].map((i) => {
    const fields = { sequence: i * PAYLOAD, flags: ACK, identification: i };
    return buildPacket(flow, fields, new Uint8Array(PAYLOAD).fill(i));
  });
  return [one!, other!];
}

/** The end of a stream of `most` bytes, from `from` on. */
function tail(from: number, most: number): Uint8Array {
  const fields = { sequence: from, flags: ACK, identification: 0 };
  return buildPacket(TCP6, fields, new Uint8Array(most - from));
}

/** Fails unless the pair is merged as it is, but not when the second packet is changed. */
function assertApart(flow: Flow, what: string, change: (packet: Uint8Array) => void): void {
  const [one, other] = pair(flow);
  assert.equal(run([one, other]).length, 1, `${what}: as it is`);
  change(other);
  assertAsTheyCame([one, resum(other)], what);
}

/** Fails unless the pair goes alone when both are changed. */
function assertBothAlone(flow: Flow, what: string, change: (packet: Uint8Array) => void): void {
  const packets = pair(flow);
  for (const packet of packets) {
    change(packet);
    resum(packet);
  }
  assertAsTheyCame(packets, what);
}

function assertAsTheyCame(packets: readonly Uint8Array[], what: string): void {
  const written = run(packets);
  assert.ok(
    written.every(({ header }) => header === undefined),
    what,
  );
  assert.deepEqual(cutAll(written), packets, what);
}
