// TCP and UDP packets of both families, made the slow and plain way for tests of offloads.

import { strict as assert } from 'node:assert';
import { finishChecksum, sumBytes } from '../../../src/ip/checksum.ts';

export interface Flow {
  readonly isIpv4: boolean;
  readonly isTcp: boolean;
  /** TCP options, a multiple of 4 bytes. */
  readonly options: Uint8Array;
}

export interface Fields {
  readonly sequence: number;
  readonly flags: number;
  readonly identification: number;
}

const TCP = 6;
const UDP = 17;

export function headersLength({ isIpv4, isTcp, options }: Flow): number {
  return (isIpv4 ? 20 : 40) + (isTcp ? 20 + options.length : 8);
}

/** A whole packet with right lengths and checksums. */
export function buildPacket(flow: Flow, fields: Fields, payload: Uint8Array): Uint8Array {
  const { isIpv4, isTcp, options } = flow;
  const network = isIpv4 ? 20 : 40;
  const headers = headersLength(flow);
  const packet = new Uint8Array(headers + payload.length);
  const view = new DataView(packet.buffer);
  const transportLength = packet.length - network;
  const protocol = isTcp ? TCP : UDP;
  if (isIpv4) {
    packet.set([0x45, 0], 0);
    view.setUint16(2, packet.length);
    view.setUint16(4, fields.identification & 0xffff);
    view.setUint16(6, 0x4000);
    packet.set([64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], 8);
    view.setUint16(10, finishChecksum(sumBytes(packet, 0, 20)));
  } else {
    packet[0] = 0x60;
    view.setUint16(4, transportLength);
    packet.set([protocol, 64], 6);
    packet.set([0xfd, 0xaa, 0, 1], 8);
    packet.set([0xfd, 0xaa, 0, 2], 24);
  }
  view.setUint16(network, 4000);
  view.setUint16(network + 2, 5000);
  if (isTcp) {
    view.setUint32(network + 4, fields.sequence >>> 0);
    view.setUint32(network + 8, 77);
    packet[network + 12] = ((20 + options.length) / 4) << 4;
    packet[network + 13] = fields.flags;
    view.setUint16(network + 14, 500);
    packet.set(options, network + 20);
  } else {
    view.setUint16(network + 4, transportLength);
  }
  packet.set(payload, headers);
  const sum = transportSum(packet, isIpv4, protocol);
  const checksum = finishChecksum(sum);
  view.setUint16(network + (isTcp ? 16 : 6), !isTcp && checksum === 0 ? 0xffff : checksum);
  return packet;
}

/** Makes all checksums of a packet right again, whatever was changed in it. */
export function resum(packet: Uint8Array): Uint8Array {
  const isIpv4 = packet[0]! >>> 4 === 4;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const protocol = packet[isIpv4 ? 9 : 6]!;
  if (isIpv4) {
    view.setUint16(10, 0);
    view.setUint16(10, finishChecksum(sumBytes(packet, 0, 20)));
  }
  const field = (isIpv4 ? 20 : 40) + (protocol === TCP ? 16 : 6);
  view.setUint16(field, 0);
  view.setUint16(field, finishChecksum(transportSum(packet, isIpv4, protocol)));
  return packet;
}

/** Fails when a checksum or length of the packet is wrong. */
export function verifyPacket(packet: Uint8Array): void {
  const isIpv4 = packet[0]! >>> 4 === 4;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const protocol = packet[isIpv4 ? 9 : 6]!;
  assert.equal(isIpv4 ? view.getUint16(2) : 40 + view.getUint16(4), packet.length);
  if (isIpv4) assert.equal(finishChecksum(sumBytes(packet, 0, 20)), 0);
  assert.equal(finishChecksum(transportSum(packet, isIpv4, protocol)), 0);
}

function transportSum(packet: Uint8Array, isIpv4: boolean, protocol: number): number {
  const network = isIpv4 ? 20 : 40;
  const addresses = isIpv4 ? sumBytes(packet, 12, 8) : sumBytes(packet, 8, 32);
  const length = packet.length - network;
  return addresses + protocol + length + sumBytes(packet, network, length);
}
