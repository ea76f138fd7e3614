// What filters read of UDP, TCP and ICMPv6 headers: ports, flags and types.
//
//  UDP (RFC 768)                     TCP (RFC 9293)
//  +--------------+--------------+   +--------------+--------------+
//  | Source port  |  Dest. port  |   | Source port  |  Dest. port  |  0
//  +--------------+--------------+   +--------------+--------------+
//  |    Length    |   Checksum   |   |       Sequence number       |  4
//  +--------------+--------------+   +-----------------------------+
//                                    |   Acknowledgment number     |  8
//  ICMPv6 (RFC 4443)                 +------+------+-------+-------+
//  +------+------+---------------+   |Offset| Rsv. | Flags | ...   | 12
//  | Type | Code |    Checksum   |   +------+------+-------+-------+
//  +------+------+---------------+   | ...                         | 16
//  | Echo: id     |   sequence   |
//  +--------------+--------------+

export const UDP_HEADER_BYTES = 8;
export const TCP_HEADER_BYTES = 20;
export const ICMPV6_HEADER_BYTES = 8;

/** TCP and UDP have their ports in the same place. */
export const SOURCE_PORT_OFFSET = 0;
export const DESTINATION_PORT_OFFSET = 2;
export const TCP_SEQUENCE_OFFSET = 4;
export const TCP_ACKNOWLEDGMENT_OFFSET = 8;
/** In the high four bits: the header's length in words. */
export const TCP_DATA_OFFSET = 12;
export const TCP_FLAGS_OFFSET = 13;
export const TCP_WINDOW_OFFSET = 14;
export const TCP_CHECKSUM_OFFSET = 16;
export const TCP_URGENT_OFFSET = 18;
export const UDP_LENGTH_OFFSET = 4;
export const UDP_CHECKSUM_OFFSET = 6;
export const ICMPV6_TYPE_OFFSET = 0;
export const ICMPV6_CODE_OFFSET = 1;
export const ICMPV6_CHECKSUM_OFFSET = 2;
/** In an echo request and its reply. */
export const ICMPV6_ECHO_ID_OFFSET = 4;

export const TcpFlag = {
  Fin: 0x01,
  Syn: 0x02,
  Rst: 0x04,
  Psh: 0x08,
  Ack: 0x10,
  Cwr: 0x80,
} as const;

export const Icmpv6Type = {
  DestinationUnreachable: 1,
  PacketTooBig: 2,
  TimeExceeded: 3,
  ParameterProblem: 4,
  EchoRequest: 128,
  EchoReply: 129,
  RouterSolicitation: 133,
  Redirect: 137,
} as const;

/** Error messages have the high bit of their type clear (RFC 4443, section 2.1). */
export function isIcmpv6Error(type: number): boolean {
  return type < 128;
}

/** Neighbor Discovery (RFC 4861): solicitations, advertisements and redirects. */
export function isNeighbourDiscovery(type: number): boolean {
  return type >= Icmpv6Type.RouterSolicitation && type <= Icmpv6Type.Redirect;
}
