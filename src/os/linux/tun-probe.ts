// Whether the kernel takes superpackets from a TUN: it is given one before it is given any that
// matters, since there were kernels that refused what they had offered. The packet goes from a
// loopback address to the same, which no interface but the loopback one may bring: where the TUN is
// down it is refused for that, where it is up the kernel drops it.

import { finishChecksum, foldSum, sumBytes } from '../../ip/checksum.ts';
import {
  DESTINATION_OFFSET,
  IPV4_VERSION,
  IPV6_HEADER_BYTES,
  writeIpv6Header,
  writeUint16,
} from '../../ip/header.ts';
import {
  IPV4_CHECKSUM_OFFSET,
  IPV4_HEADER_BYTES,
  IPV4_PROTOCOL_OFFSET,
  IPV4_SOURCE_OFFSET,
  IPV4_TOTAL_LENGTH_OFFSET,
  IPV4_TTL_OFFSET,
} from '../../ip/ipv4-header.ts';
import { IpProtocol } from '../../ip/protocol.ts';
import {
  TCP_CHECKSUM_OFFSET,
  TCP_DATA_OFFSET,
  TCP_FLAGS_OFFSET,
  TCP_HEADER_BYTES,
  TcpFlag,
  UDP_CHECKSUM_OFFSET,
  UDP_HEADER_BYTES,
  UDP_LENGTH_OFFSET,
} from '../../ip/transport.ts';
import {
  NEEDS_CHECKSUM,
  SuperpacketKind,
  VIRTIO_HEADER_BYTES,
  writeVirtioHeader,
} from '../virtio-header.ts';
import { addressOf, nativeMemory } from './ffi.ts';
import { EINVAL, EMSGSIZE } from './layouts.ts';
import { negatedError, write } from './syscalls.ts';

const SEGMENT_BYTES = 16;
const SEGMENTS = 3;
const LOOPBACK_IPV4 = [127, 0, 0, 1] as const;
/** Of ::1, less its zeros. */
const LOOPBACK_IPV6_END = 1;

/** What a kernel answers to a superpacket that it does not take. */
export function isRefusal(error: number): boolean {
  return error === EINVAL || error === EMSGSIZE;
}

/** Tries superpackets of TCP or UDP over both families; 0, or the error number of a refusal. */
export function probeTun(descriptor: number, isTcp: boolean): number {
  for (const isIpv4 of [false, true]) {
    const memory = superpacket(isIpv4, isTcp);
    const error = -negatedError(write(descriptor, addressOf(memory), memory.length));
    if (isRefusal(error)) return error;
  }
  return 0;
}

/** With its virtio header in front. */
function superpacket(isIpv4: boolean, isTcp: boolean): Buffer {
  const network = isIpv4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
  const headers = network + (isTcp ? TCP_HEADER_BYTES : UDP_HEADER_BYTES);
  const length = headers + SEGMENTS * SEGMENT_BYTES;
  const bytes = nativeMemory(VIRTIO_HEADER_BYTES + length);
  const packet = VIRTIO_HEADER_BYTES;
  const protocol = isTcp ? IpProtocol.Tcp : IpProtocol.Udp;
  if (isIpv4) writeIpv4(bytes, packet, length, protocol);
  else writeIpv6(bytes, packet, length, protocol);
  const transport = packet + network;
  const addresses = isIpv4 ? sumBytes(bytes, transport - 8, 8) : 2 * LOOPBACK_IPV6_END;
  const field = isTcp ? TCP_CHECKSUM_OFFSET : UDP_CHECKSUM_OFFSET;
  writeUint16(bytes, transport + field, foldSum(addresses + protocol + length - network));
  if (isTcp) {
    bytes[transport + TCP_DATA_OFFSET] = (TCP_HEADER_BYTES / 4) << 4;
    bytes[transport + TCP_FLAGS_OFFSET] = TcpFlag.Ack;
  } else {
    writeUint16(bytes, transport + UDP_LENGTH_OFFSET, length - network);
  }
  const tcp = isIpv4 ? SuperpacketKind.Tcp4 : SuperpacketKind.Tcp6;
  const kind = isTcp ? tcp : SuperpacketKind.Udp;
  writeVirtioHeader(bytes, packet, NEEDS_CHECKSUM, kind, headers, SEGMENT_BYTES, network, field);
  return bytes;
}

function writeIpv6(bytes: Buffer, packet: number, length: number, protocol: number): void {
  writeIpv6Header(bytes, packet, length - IPV6_HEADER_BYTES, protocol, 1);
  bytes[packet + DESTINATION_OFFSET - 1] = LOOPBACK_IPV6_END;
  bytes[packet + IPV6_HEADER_BYTES - 1] = LOOPBACK_IPV6_END;
}

function writeIpv4(bytes: Buffer, packet: number, length: number, protocol: number): void {
  bytes[packet] = (IPV4_VERSION << 4) | (IPV4_HEADER_BYTES / 4);
  writeUint16(bytes, packet + IPV4_TOTAL_LENGTH_OFFSET, length);
  bytes[packet + IPV4_TTL_OFFSET] = 1;
  bytes[packet + IPV4_PROTOCOL_OFFSET] = protocol;
  bytes.set([...LOOPBACK_IPV4, ...LOOPBACK_IPV4], packet + IPV4_SOURCE_OFFSET);
  const checksum = finishChecksum(sumBytes(bytes, packet, IPV4_HEADER_BYTES));
  writeUint16(bytes, packet + IPV4_CHECKSUM_OFFSET, checksum);
}
