// Whether two packets differ in nothing but what the kernel changes from segment to segment when it
// cuts a superpacket: lengths, checksums, sequence numbers, identifications, PSH. Headers are
// compared a word at a time.

import { IPV6_HEADER_BYTES, NEXT_HEADER_OFFSET, SOURCE_OFFSET } from '../../ip/header.ts';
import {
  IPV4_DONT_FRAGMENT,
  IPV4_FRAGMENT_OFFSET,
  IPV4_HEADER_BYTES,
  IPV4_IDENTIFICATION_OFFSET,
  IPV4_SOURCE_OFFSET,
  IPV4_TTL_OFFSET,
} from '../../ip/ipv4-header.ts';
import {
  SOURCE_PORT_OFFSET,
  TCP_ACKNOWLEDGMENT_OFFSET,
  TCP_DATA_OFFSET,
  TCP_HEADER_BYTES,
  TCP_SEQUENCE_OFFSET,
  TCP_URGENT_OFFSET,
  TcpFlag,
} from '../../ip/transport.ts';

/** In the word that begins at TCP_DATA_OFFSET, the flags stand in its second byte. */
const PSH_IN_WORD: number = TcpFlag.Psh << 16;

/** All but the length. */
export function isSameIpv6(view: DataView, a: number, b: number): boolean {
  return (
    view.getUint32(a) === view.getUint32(b) &&
    view.getUint16(a + NEXT_HEADER_OFFSET) === view.getUint16(b + NEXT_HEADER_OFFSET) &&
    areSameWords(view, a + SOURCE_OFFSET, b + SOURCE_OFFSET, IPV6_HEADER_BYTES - SOURCE_OFFSET)
  );
}

/**
 * All but length, checksum and identification. The kernel counts identifications up where it cuts,
 * from that of `a` to number `index`; with "do not fragment" nobody reads them.
 */
export function isSameIpv4(view: DataView, a: number, b: number, index: number): boolean {
  const fragment = view.getUint16(a + IPV4_FRAGMENT_OFFSET);
  const expected = (view.getUint16(a + IPV4_IDENTIFICATION_OFFSET) + index) & 0xffff;
  const isInOrder =
    (fragment & IPV4_DONT_FRAGMENT) !== 0 ||
    view.getUint16(b + IPV4_IDENTIFICATION_OFFSET) === expected;
  const addresses = IPV4_HEADER_BYTES - IPV4_SOURCE_OFFSET;
  return (
    isInOrder &&
    view.getUint16(a) === view.getUint16(b) &&
    fragment === view.getUint16(b + IPV4_FRAGMENT_OFFSET) &&
    view.getUint16(a + IPV4_TTL_OFFSET) === view.getUint16(b + IPV4_TTL_OFFSET) &&
    areSameWords(view, a + IPV4_SOURCE_OFFSET, b + IPV4_SOURCE_OFFSET, addresses)
  );
}

/** Headers of `length` bytes; the one at `b` follows `distance` bytes behind in the stream. */
export function isNextTcp(
  view: DataView,
  a: number,
  b: number,
  length: number,
  distance: number,
): boolean {
  const next = (view.getUint32(a + TCP_SEQUENCE_OFFSET) + distance) >>> 0;
  const differences = view.getUint32(a + TCP_DATA_OFFSET) ^ view.getUint32(b + TCP_DATA_OFFSET);
  const acknowledged = TCP_ACKNOWLEDGMENT_OFFSET;
  const options = length - TCP_HEADER_BYTES;
  return (
    view.getUint32(b + TCP_SEQUENCE_OFFSET) === next &&
    isSamePorts(view, a, b) &&
    view.getUint32(a + acknowledged) === view.getUint32(b + acknowledged) &&
    (differences & ~PSH_IN_WORD) === 0 &&
    view.getUint16(a + TCP_URGENT_OFFSET) === view.getUint16(b + TCP_URGENT_OFFSET) &&
    areSameWords(view, a + TCP_HEADER_BYTES, b + TCP_HEADER_BYTES, options)
  );
}

/** Of TCP or UDP. */
export function isSamePorts(view: DataView, a: number, b: number): boolean {
  return view.getUint32(a + SOURCE_PORT_OFFSET) === view.getUint32(b + SOURCE_PORT_OFFSET);
}

/** `length` is a multiple of 4. */
function areSameWords(view: DataView, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i += 4) {
    if (view.getUint32(a + i) !== view.getUint32(b + i)) return false;
  }
  return true;
}
