// Congestion marks of both IP versions, and the checksum of an IPv4 header that is marked.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finishChecksum, sumBytes } from '../../src/ip/checksum.ts';
import { Ecn, ecnOfTrafficClass, markCongestion, readEcn } from '../../src/ip/ecn.ts';
import { writeUint16 } from '../../src/ip/header.ts';

const MARKS = Object.values(Ecn);
const OFFSET = 3;
const DSCP = 0xb8;

test('readEcn() reads the mark of IPv6 and IPv4 beside any DSCP', () => {
  for (const mark of MARKS) {
    assert.equal(readEcn(ipv6(DSCP | mark), OFFSET), mark);
    assert.equal(readEcn(ipv4(DSCP | mark), OFFSET), mark);
    assert.equal(ecnOfTrafficClass(DSCP | mark), mark);
  }
});

test('markCongestion() marks capable packets and leaves the others as they are', () => {
  for (const mark of MARKS) {
    const marked = mark === Ecn.NotCapable ? mark : Ecn.CongestionExperienced;
    for (const make of [ipv4, ipv6]) {
      const packet = make(DSCP | mark);
      markCongestion(packet, OFFSET);
      assert.deepEqual(packet, make(DSCP | marked));
    }
  }
});

test('markCongestion() keeps the IPv4 header checksum right for every header', () => {
  for (let id = 0; id < 0x1_0000; id += 251) {
    for (const mark of [Ecn.Capable0, Ecn.Capable1]) {
      const packet = ipv4(DSCP | mark, id);
      markCongestion(packet, OFFSET);
      assert.equal(finishChecksum(sumBytes(packet, OFFSET, 20)), 0, `id ${id}`);
    }
  }
});

function ipv6(trafficClass: number): Uint8Array {
  const packet = new Uint8Array(OFFSET + 40);
  writeUint16(packet, OFFSET, 0x6000 | (trafficClass << 4) | 0x000a);
  return packet;
}

function ipv4(tos: number, id = 1): Uint8Array {
  const packet = new Uint8Array(OFFSET + 20);
  packet.set([0x45, tos, 0, 20, id >> 8, id & 0xff, 0x40, 0, 64, 17], OFFSET);
  packet.set([10, 0, 0, 1, 10, 0, 0, 2], OFFSET + 12);
  writeUint16(packet, OFFSET + 10, finishChecksum(sumBytes(packet, OFFSET, 20)));
  return packet;
}
